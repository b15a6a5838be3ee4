import { whyBadSecretHash } from '../../domain/apps/app-secret.ts'
import type { Kind } from '../../domain/apps/attribute-kinds.ts'
import { APP_TABLE } from '../../domain/apps/attribute-table.ts'
import { SIGNING_ALGORITHMS } from '../../domain/protocol/signing-algorithm.ts'
import { REFERENCE_TOKEN_KINDS } from '../../domain/tokens/reference-token.ts'
import { USER_TYPES } from '../../domain/users/user.ts'
import type { Schema } from '../schema/schema.ts'

/** Says what is wrong with a value of a column, completing the sentence "COLUMN ...", or nothing. */
type Rule = (value: string | number) => string | undefined

type Rules = { readonly [Table in keyof Schema]?: { readonly [Column in keyof Schema[Table]]?: Rule } }

const text =
  (isRight: (text: string) => boolean, wrong: string): Rule =>
  (value) =>
    typeof value === 'string' && isRight(value) ? undefined : wrong

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function holds(json: string, isRight: (value: unknown) => boolean): boolean {
  try {
    return isRight(JSON.parse(json))
  } catch {
    return false
  }
}

const object = text((json) => holds(json, isObject), 'is not a JSON object')
const list = (isRight: (item: unknown) => boolean, of: string): Rule =>
  text((json) => holds(json, (value) => Array.isArray(value) && value.every(isRight)), `is not a JSON list of ${of}`)
const names = list((item) => typeof item === 'string', 'names')
const scopes = list((item) => isObject(item) && typeof item['name'] === 'string', 'scopes')
const oneOf =
  (choices: readonly (string | number)[]): Rule =>
  (value) =>
    choices.includes(value) ? undefined : `is none of ${choices.join(', ')}`
const flag = oneOf([0, 1])
const digest: Rule = text((hash) => whyBadSecretHash(hash) === undefined, 'is no digest, and may be the secret itself')
const passwordHash = text((hash) => /^\$argon2id\$v=19\$[^$]+\$[^$]+\$[^$]+$/.test(hash), 'is no argon2id hash')

/** What an app's record may say: of each attribute a value of its kind, and those that have no default must be there. */
const registration: Rule = text(
  (json) =>
    holds(
      json,
      (record) =>
        isObject(record) &&
        Object.entries(APP_TABLE).every(([name, row]) =>
          record[name] === undefined
            ? 'fallback' in row || name === 'applicationUri'
            : isOfKind(row.kind as Kind<unknown>, record[name]),
        ),
    ),
  'is not the JSON of an app',
)

/** Whether a value is as records keep it; lists and objects are what they are there, and what is left out is not there. */
function isOfKind({ schema, separator, read, readMembers }: Kind<unknown>, value: unknown): boolean {
  if (readMembers !== undefined) return readMembers(value) !== undefined
  const isAllowed = (item: unknown) => typeof item === 'string' && (schema.pattern === undefined || Boolean(read(item)))
  if (separator !== undefined) return Array.isArray(value) && value.every(isAllowed)
  if (schema.enum !== undefined) return typeof value === 'string' && schema.enum.includes(value)
  const [type] = [schema.type].flat()
  if (type !== 'integer') return typeof value === type
  return Number.isInteger(value) && Number(value) >= (schema.minimum ?? 0)
}

/** Every value that somebody relies on; what may be empty is only looked at where it is not. */
export const ROW_RULES: Rules = {
  users: {
    type: oneOf(USER_TYPES),
    password_hash: passwordHash,
    email_verified: flag,
    profile: object,
    is_admin: flag,
    is_enabled: flag,
  },
  trusted_applications: { registration, is_enabled: flag },
  app_secrets: { hash: digest },
  api_resources: { localized_names: object, scopes, open_to_self_registered: flag, site: object },
  signing_keys: { algorithm: oneOf(SIGNING_ALGORITHMS), public_jwk: object },
  sign_in_sessions: { cookie_digest: digest },
  authorization_codes: { digest, resources: names, claims: object },
  token_families: { resources: names, claims: object },
  refresh_tokens: { digest },
  revoked_access_tokens: { jti_digest: digest },
  client_assertions: { jti_digest: digest },
  opaque_access_tokens: { digest, claims: object },
  reference_tokens: { digest, kind: oneOf(REFERENCE_TOKEN_KINDS) },
  api_sessions: { kind: oneOf(['user', 'service']) },
  initial_access_tokens: { digest },
  self_registrations: { token_digest: digest, metadata: object },
  outbox: { payload: object },
  refusals: { parameters: object, detail: object },
  audit_events: { outcome: oneOf(['success', 'failure']), detail: object },
}
