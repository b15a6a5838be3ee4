import { USER_TYPES } from '../../domain/users/user.ts'
import { type DetailName, isText, USER_DETAILS } from '../../domain/users/user-details.ts'
import type { Field } from './fields.ts'

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const DETAILS = Object.fromEntries(
  USER_DETAILS.map((detail) => [
    detail.name,
    { form: isText(detail) ? 'text' : 'flag', description: `${capital(detail.description)}.` },
  ]),
) as Readonly<Record<DetailName, Field>>

/** What files say of users. */
export const USER_FIELDS = {
  login: { form: 'text', description: 'Login name of the account, regardless of letter case. Can never change.' },
  type: {
    form: USER_TYPES,
    description:
      'InternalUser may use APIs, ExternalCommunityUser has an identity alone, SystemUserNoLogin is a service. Can never change; if omitted, a new user is an InternalUser.',
  },
  ...DETAILS,
  isEnabled: {
    form: 'flag',
    description: 'The kill switch. If omitted: enabled for a new user, otherwise unchanged.',
  },
  password: {
    form: 'text',
    description: `First password of an account that has none, as \${NAME} of an environment variable. An existing password is kept.`,
  },
  passwordHash: {
    form: 'text',
    description:
      'The first password as an argon2id hash ($argon2id$v=19$...), as written by `tessera export --with-password-hashes`.',
  },
  id: {
    form: 'text',
    description: 'The sub of a new user who comes from another instance, a UUID; if omitted, a new one.',
  },
} as const satisfies Record<string, Field>

export const USER_FIELD_NAMES = Object.keys(USER_FIELDS)
