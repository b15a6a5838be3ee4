import { Type } from 'typebox'
import { LONGEST_NAME } from '../../../domain/records/longest-name.ts'
import { REFERENCE_TOKEN_KINDS } from '../../../domain/tokens/reference-token.ts'
import { REFRESH_GRANT } from '../../../domain/tokens/refresh-grant.ts'

const time = (description: string) => Type.String({ format: 'date-time', description })
const textOrNull = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })

const TOKEN = {
  id: Type.String(),
  kind: Type.String({
    enum: [...REFERENCE_TOKEN_KINDS],
    description: 'PAT acts as a user, SAT as the System User of the app',
  }),
  app: Type.String({ description: 'the ApplicationUri' }),
  user: Type.String({ description: 'the login of the user it acts as' }),
  user_id: Type.String(),
  description: Type.String(),
  scope: Type.String({ description: 'separated by spaces' }),
  created_by: Type.String({ description: 'such as user:ID, app:URI or cli:NAME' }),
  created_at: time('when it was made'),
  expires_at: time('when it ends'),
  last_used_at: textOrNull('accurate to a minute, or null'),
  revoked_at: textOrNull('when it was revoked, or null'),
  state: Type.String({
    enum: ['live', 'revoked', 'expired', 'ended'],
    description: 'ended because app or user was disabled or the record changed',
  }),
  reason: textOrNull('why it is not valid, or null'),
}

/** A reference token as the APIs show it. */
export const TokenRecord = Type.Object(TOKEN)

/** A token of a person, or what an app may refresh for them. */
export const OwnTokenRecord = Type.Object({
  ...TOKEN,
  app_name: Type.String({ description: 'the name of the app, in the language of the answer' }),
  kind: Type.String({
    enum: ['PAT', REFRESH_GRANT],
    description: 'a personal access token, or what an app may refresh while you are away',
  }),
})

/** The same with its value. */
export const NewTokenShown = Type.Object({
  ...TOKEN,
  token: Type.String({ description: 'the value, shown only this once' }),
})

const WANTED = {
  scope: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2048,
      description: 'API scopes of the app, separated by spaces; default: all of them',
    }),
  ),
  expires_at: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'a time such as 2030-01-31T00:00:00Z, or a length of time such as 30d; default: 90d',
    }),
  ),
  description: Type.Optional(Type.String({ description: 'a text of at most 200 characters' })),
}

/** A token that an administrator asks for. */
export const NewToken = Type.Object(
  {
    kind: Type.String({ enum: [...REFERENCE_TOKEN_KINDS], description: 'PAT or SAT' }),
    user: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: LONGEST_NAME,
        description: 'whom a PAT is for: a login, e-mail or id; default: the administrator who asks',
      }),
    ),
    ...WANTED,
  },
  { additionalProperties: false },
)

/** A token that a person asks for. */
export const NewOwnToken = Type.Object(
  { app: Type.String({ minLength: 1, maxLength: 128, description: 'an ApplicationUri' }), ...WANTED },
  { additionalProperties: false },
)

/** What every new token is told about. */
export interface TokenInput {
  readonly scope?: string
  readonly expires_at?: string
  readonly description?: string
}
