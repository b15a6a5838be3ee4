import type { ApiResource } from '../../../domain/access/api-resource.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Refusal } from '../../../domain/refusals/refusal.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { TRUST_OWN_AUTHORITY, UNTRUSTED_CERTIFICATE } from '../../../lib/net/certificate-fault.ts'
import { shellWord } from '../../../lib/text/shell.ts'

/** What is registered at the moment, as far as a remedy may name it. */
export interface Registered {
  /** The app the refusal is about, where there is one. */
  readonly app: TrustedApplication | undefined
  /** The ApplicationUris that may have been meant. */
  readonly apps: readonly string[]
  /** The ApplicationUris of those that have registered the redirect URI of the request. */
  readonly appsAt: readonly string[]
  /** The API resources, and among them that of the instance itself. */
  readonly resources: readonly Pick<ApiResource, 'identifier' | 'scopes'>[]
  readonly defaultResource: string
  /** The logins of some System Users that are enabled; one alone where there is no other. */
  readonly systemUsers: readonly string[]
  /** The logins that may have been meant. */
  readonly logins: readonly string[]
  /** The login of the app's own System User. */
  readonly systemUser: string | undefined
  /** The login of the person the refusal is about. */
  readonly user: string | undefined
}

/** Everything a remedy is made from. */
export interface Facts {
  readonly refusal: Pick<Refusal, 'parameters' | 'detail'>
  readonly registered: Registered
  /** The `client_id` of the request, as a word of a command. */
  readonly uri: string
  readonly sent: string
  /** The registered value most like the one that was sent. */
  readonly nearest: string | undefined
}

/** How something is mended: a command, or a sentence for the app's developer; and another way where there is one. */
export interface Remedy {
  readonly fix: string
  readonly otherwise?: string | undefined
  /** What would have been right, where the refusal itself does not say so. */
  readonly expected?: string
}

export type Remedies = Readonly<Partial<Record<RefusalRule, (facts: Facts) => Remedy>>>

/** The command that changes attributes of the record. */
export const update = (uri: string, ...attributes: readonly string[]): string =>
  `tessera app update ${uri}${attributes.map((attribute) => ` --set ${shellWord(attribute)}`).join('')}`

/** Gives the app a new secret, with an overlap, so that what still works goes on working. */
export const rotate = (uri: string): string => `tessera app rotate-secret ${uri} --overlap 7d`

/** For faults that only the app's developer can mend. */
export const inTheApp = (what: string): string => `in the app's code: ${what}`

/** What mends a fetch that failed for the certificate of the other side, which only the operator can; `undefined` for another reason. */
export const trusting = ({ refusal: { detail } }: Facts, expected: string): Remedy | undefined =>
  String(detail['cause']).includes(UNTRUSTED_CERTIFICATE)
    ? {
        fix: `${TRUST_OWN_AUTHORITY} the server`,
        otherwise: 'if nobody should vouch for it: give that server a certificate of a public authority',
        expected,
      }
    : undefined

/** The remedy of a fault in how the app's code writes its request. */
export const developer =
  (what: string, expected?: string): (() => Remedy) =>
  () => ({ fix: inTheApp(what), ...(expected === undefined ? {} : { expected }) })
