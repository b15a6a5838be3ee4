import { type TSchema, Type } from 'typebox'
import type { ShownLogout } from '../../admin/apps/logouts.ts'
import { APP_ATTRIBUTES, type AppAttribute, RECORD_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { CLIENT_TYPES } from '../../domain/apps/app-choices.ts'
import type { ValueSchema } from '../../domain/apps/attribute-kinds.ts'
import { USER_TYPES } from '../../domain/users/user.ts'
import { isText, USER_DETAILS } from '../../domain/users/user-details.ts'

type Properties = Record<string, TSchema>

const value = (schema: ValueSchema, description: string): TSchema => Type.Unsafe<unknown>({ description, ...schema })

/** The same value, or `null` for the default. */
const resettable = (schema: ValueSchema): ValueSchema => ({
  ...schema,
  type: [...new Set([schema.type, 'null'].flat())],
  ...(schema.enum ? { enum: [...schema.enum, null] as readonly string[] } : {}),
})

const MOST_PARTS = 1000

const STRICT = { additionalProperties: false } as const
const TEXT: ValueSchema = { type: 'string' }
const TEXT_OR_NULL: ValueSchema = { type: ['string', 'null'] }
const FLAG: ValueSchema = { type: 'boolean' }
const time = (description: string): TSchema => Type.String({ format: 'date-time', description })
const timeOrNull = (description: string): TSchema => value(TEXT_OR_NULL, description)

const SECRET = {
  Id: Type.String(),
  Label: value(TEXT_OR_NULL, 'a label for administrators'),
  CreatedAt: time('when it was made'),
  ExpiresAt: timeOrNull('when it ends, or null'),
}
const Secret = Type.Object(SECRET)

export const SecretList = Type.Object({
  items: Type.Array(Type.Object({ ...SECRET, LastUsedAt: timeOrNull('accurate to a few minutes') })),
})

export const NewSecretShown = Type.Object({
  ...SECRET,
  ApplicationSecret: Type.Optional(Type.String({ description: 'shown this once' })),
})

const APPLICATION_URI = value(TEXT, 'the client_id: 1 to 128 visible ASCII characters')
const SECRET_HASH = Type.String({
  pattern: '^[A-Za-z0-9+/]{43}=$',
  description: 'base64(SHA-256(secret)), made elsewhere',
})

const propertiesOf = (
  attributes: readonly AppAttribute[],
  schemaOf: (attribute: AppAttribute) => TSchema,
): Properties => Object.fromEntries(attributes.map((attribute) => [attribute.name, schemaOf(attribute)]))

const APP_RECORD = {
  ...propertiesOf(RECORD_ATTRIBUTES, ({ schema, meaning }) =>
    Type.Unsafe<unknown>({ ...schema, description: meaning }),
  ),
  IsEnabled: value(FLAG, 'the kill switch'),
  Secrets: Type.Array(Secret),
  CreatedAt: time('when it was registered'),
  UpdatedAt: time('when it was last changed'),
}
export const AppRecord = Type.Object(APP_RECORD)
export const ChangedApp = Type.Object({
  ...APP_RECORD,
  warnings: Type.Array(Type.String(), { description: 'warnings: what is possible but probably not intended' }),
})

/** That an app is told of a sign-out. */
export const LogoutRecord = Type.Object({
  id: Type.String(),
  app: APPLICATION_URI,
  user: value(TEXT_OR_NULL, 'the login, or the id if the account was removed'),
  session: value(TEXT_OR_NULL, 'the sid; null where what was to be sent is damaged'),
  endedAt: time('when the session ended'),
  state: Type.String({ enum: ['waiting', 'delivered', 'given up'] }),
  attempts: Type.Integer(),
  nextAttemptAt: timeOrNull('when the next attempt is due'),
  deliveredAt: timeOrNull('when the app accepted it'),
  givenUpAt: timeOrNull('when the server gave up'),
  lastError: value(TEXT_OR_NULL, 'why the last attempt failed'),
} satisfies Record<keyof ShownLogout, TSchema>)

/** A list, and an object, may come as what they are, too. */
function settableSchema({ schema, part, hasMembers }: AppAttribute): ValueSchema {
  if (hasMembers)
    return {
      ...resettable(schema),
      type: ['string', 'object', 'null'],
      additionalProperties: { type: ['string', 'null'] },
    }
  if (part === undefined) return resettable(schema)
  return { ...resettable(schema), type: ['string', 'array', 'null'], items: part, maxItems: MOST_PARTS }
}

/** Every attribute has a default but the ClientType. */
const settable = propertiesOf(APP_ATTRIBUTES, (attribute) =>
  Type.Optional(
    value(
      settableSchema(attribute),
      `${attribute.expects}${attribute.part === undefined ? '' : ', or a list of them'}`,
    ),
  ),
)
const CLIENT_TYPE = value({ type: 'string', enum: CLIENT_TYPES }, `one of ${CLIENT_TYPES.join(', ')}`)
const IS_ENABLED = Type.Optional(value(FLAG, 'true or false'))

export const NewApp = Type.Object(
  {
    ApplicationUri: APPLICATION_URI,
    ...settable,
    ClientType: CLIENT_TYPE,
    IsEnabled: IS_ENABLED,
    ApplicationSecretHash: Type.Optional(SECRET_HASH),
  },
  STRICT,
)
export const AppPatch = Type.Object(
  {
    ...settable,
    ApplicationUri: Type.Optional(APPLICATION_URI),
    ClientType: Type.Optional(CLIENT_TYPE),
    IsEnabled: IS_ENABLED,
  },
  STRICT,
)
export const NewSecret = Type.Object(
  {
    Label: Type.Optional(Type.Unsafe<string | null>({ ...TEXT_OR_NULL, maxLength: 200, description: 'a text' })),
    ExpiresAt: Type.Optional(timeOrNull('a time such as 2030-01-31T00:00:00Z, or null')),
    ApplicationSecretHash: Type.Optional(SECRET_HASH),
    Overlap: Type.Optional(
      Type.String({
        maxLength: 32,
        description:
          'how long the present secrets stay valid, such as 7d, or 0 to end them at once; default: they stay',
      }),
    ),
  },
  STRICT,
)

const typeOfUser: ValueSchema = { type: 'string', enum: USER_TYPES }
const LOGIN = value(TEXT, 'a login name')
const TYPE = value(typeOfUser, `one of ${USER_TYPES.join(', ')}`)
const PASSWORD = Type.String({ description: 'a password of at least 8 characters' })

/** What an administrator may change of a user; a name there is always. */
const USER_DETAIL_SCHEMAS: Properties = Object.fromEntries(
  USER_DETAILS.map((detail) => [
    detail.name,
    isText(detail) && detail.name !== 'name'
      ? value(TEXT_OR_NULL, `${detail.expects}, or null`)
      : value(isText(detail) ? TEXT : FLAG, detail.expects),
  ]),
)
const optionalDetails = Object.fromEntries(
  Object.entries(USER_DETAIL_SCHEMAS).map(([name, schema]) => [
    name,
    Type.Optional(Type.Unsafe<unknown>({ ...schema, ...resettable(schema as unknown as ValueSchema) })),
  ]),
)

const SHOWN_USER = {
  id: Type.String(),
  login: LOGIN,
  type: TYPE,
  ...USER_DETAIL_SCHEMAS,
  isEnabled: value(FLAG, 'the kill switch'),
}

export const UserRecord = Type.Object({
  ...SHOWN_USER,
  createdAt: time('when the account was made'),
  updatedAt: time('when it was last changed'),
})
export const NewUser = Type.Object(
  { login: LOGIN, type: TYPE, ...optionalDetails, isEnabled: IS_ENABLED, password: Type.Optional(PASSWORD) },
  STRICT,
)
export const UserPatch = Type.Object(
  { login: Type.Optional(LOGIN), type: Type.Optional(TYPE), ...optionalDetails, isEnabled: IS_ENABLED },
  STRICT,
)
export const Unlocked = Type.Object({
  id: Type.String(),
  login: LOGIN,
  unlocked: value(FLAG, 'whether failed attempts were counted against them'),
})
export const NewPassword = Type.Object({ password: PASSWORD }, STRICT)
