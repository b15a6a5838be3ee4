import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import { createForm, type Form, longestValue, refuseRepeated } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { readCompactJws } from '../../../lib/crypto/compact-jws.ts'
import { TooManyWaiting, type WhileOutside } from '../../../lib/flow/outside.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { TrustedApplications } from '../../../store/repositories/apps/trusted-applications.ts'
import { refuseRequestObject } from '../checks/request-object.ts'
import { type Claims, parametersIn, requireMeantForUs } from './check-request-object.ts'

/** What a request asks in the end, wherever it says so. */
export interface EffectiveRequest {
  readonly form: Form
  /** Why its request object does not count; the form is then what came beside it. */
  readonly fault?: Refused
}

/** Reads what an app has signed; a fault is told to the operator. */
export type ReadSigned = (
  jwt: string,
  app: TrustedApplication,
) => Promise<
  { readonly claims: Claims; readonly signed: boolean } | { readonly rule: RefusalRule; readonly cause: string }
>

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly readSigned: ReadSigned
  /** Fetches a document; a rejection has a message that says why it could not be had. */
  readonly fetchText: (uri: string) => Promise<string>
  readonly whileOutside: WhileOutside
  readonly offered: boolean
  readonly issuer: string
  readonly clock: Clock
}

export type ReadEffectiveRequest = ReturnType<typeof createReadEffectiveRequest>

/** Puts a request object in the place of the parameters that came beside it. @see RFC 9101 §5, §6, OIDC Core §6 */
export function createReadEffectiveRequest(dependencies: Dependencies) {
  const { apps, readSigned, fetchText, whileOutside, offered, issuer, clock } = dependencies

  async function fetchObject(uri: string, app: TrustedApplication): Promise<string> {
    const [address = ''] = uri.split('#')
    if (![uri, address].some((known) => app.requestUris.includes(known)))
      throw refuseUri(app, 'request-uri-unregistered', 'RequestUris of the record does not list it', uri)
    return whileOutside(address, () => fetchText(address)).catch((error: unknown) => {
      // That is no fault of the address, and nothing that the app should be told in a redirect.
      if (error instanceof TooManyWaiting) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw refuseUri(app, 'request-uri-unreachable', `the request object could not be fetched: ${reason}`, uri)
    })
  }

  async function readObject(sent: Form, app: TrustedApplication): Promise<Form> {
    refuseRepeated(sent)
    const [request, uri] = [sent.get('request'), sent.get('request_uri')]
    if (request !== undefined && uri !== undefined) throw bothSent(app)
    if (request === undefined && uri === undefined) {
      if (app.requireSignedRequestObject) throw missing(app)
      return sent
    }
    const read = await readSigned(request ?? (await fetchObject(uri ?? '', app)), app)
    // What is fetched and is no request is told like what could not be fetched, or the app would learn what listens where.
    if ('rule' in read)
      throw uri === undefined ? refuseObject(app, read.rule, read.cause) : refuseUri(app, read.rule, read.cause, uri)
    const refuse = (rule: RefusalRule, cause: string): Refused => refuseObject(app, rule, cause)
    requireMeantForUs(read.claims, { app, sent, issuer, now: clock(), refuse })
    const inside = parametersIn(read.claims, refuse)
    // What nobody signed does not count beside what the app must sign.
    const beside = app.requireSignedRequestObject
      ? {}
      : { ...Object.fromEntries(sent.entries()), resource: [...sent.all('resource')] }
    return createForm({ ...beside, ...inside, client_id: app.applicationUri, request: '', request_uri: '' })
  }

  return async function readEffectiveRequest(sent: Form): Promise<EffectiveRequest> {
    try {
      if (!offered) {
        refuseRepeated(sent)
        refuseRequestObject(sent)
      }
      const clientId = sent.get('client_id')
      const app = clientId === undefined ? undefined : await apps.find(clientId)
      // Without an app there is nobody to have signed; the next station says so.
      if (app === undefined || !(offered || app.requireSignedRequestObject)) return { form: sent }
      return { form: await readObject(sent, app) }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return { form: error.code === 'request_not_supported' ? answeredAsInside(sent) : sent, fault: error }
    }
  }
}

/** What of an object that is refused unread says how the app awaits the refusal; nobody verified it, so it decides nothing else. */
const OF_THE_ANSWER = ['response_mode', 'state'] as const

/** Where the answer goes is said beside the object, and checked as ever. @see OIDC Core §3.1.2.6 */
function answeredAsInside(sent: Form): Form {
  const beside = Object.fromEntries(sent.entries())
  const { payload = {} } = readCompactJws(beside['request'] ?? '', longestValue('request')) ?? {}
  const inside = OF_THE_ANSWER.flatMap((name) => {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined
    return typeof value === 'string' && value !== '' && value.length <= longestValue(name) ? [[name, value]] : []
  })
  return createForm({ ...beside, resource: [...sent.all('resource')], ...Object.fromEntries(inside) })
}

const about = (app: TrustedApplication, rule: RefusalRule, cause: string) => ({
  rule,
  client_id: app.applicationUri,
  cause,
})

const refuseObject = (app: TrustedApplication, rule: RefusalRule, cause: string): Refused =>
  new Refused(
    'invalid_request_object',
    'the request object is not valid, or not signed as this app must sign it',
    about(app, rule, cause),
  )

const refuseUri = (app: TrustedApplication, rule: RefusalRule, cause: string, sent: string): Refused =>
  new Refused(
    'invalid_request_uri',
    'request_uri is not registered for this app, could not be fetched, or holds no request that it signed',
    {
      ...about(app, rule, cause),
      sent,
      expected: app.requestUris,
    },
  )

const bothSent = (app: TrustedApplication): Refused =>
  new Refused(
    'invalid_request',
    'request and request_uri were sent together',
    about(app, 'request-object-twice', 'both were sent'),
  )

const missing = (app: TrustedApplication): Refused =>
  new Refused(
    'invalid_request',
    'this app must send its request as a signed request object',
    about(
      app,
      'request-object-missing',
      'RequireSignedRequestObject is true, and neither request nor request_uri was sent',
    ),
  )
