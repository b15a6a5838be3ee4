import type { Kysely } from 'kysely'
import { formerIdentifierOf, identifierOf } from '../../../domain/users/user.ts'
import type { Schema } from '../../schema/schema.ts'

/** An account that is found by the former spelling of a name, as another one has the present spelling. */
export interface SpelledAlike {
  readonly login: string
  /** Its login or its e-mail. */
  readonly name: string
  /** The login of the other one. */
  readonly other: string
}

/** Finds them by what only former spellings hold; everybody else's names hold neither. */
export async function spelledAlike(db: Kysely<Schema>): Promise<SpelledAlike[]> {
  const named = () => db.selectFrom('users').innerJoin('user_identifiers', 'user_identifiers.user_id', 'users.id')
  const rows = await named()
    .select(['users.id', 'login', 'email', 'identifier'])
    .where((eb) => eb.or([eb('identifier', 'like', '%\u00df%'), eb('identifier', 'like', '%i\u0307%')]))
    .orderBy('identifier')
    .execute()
  const found: SpelledAlike[] = []
  for (const { id, login, email, identifier } of rows) {
    const name = formerIdentifierOf(login) === identifier ? login : (email ?? login)
    const other = await named()
      .select('login')
      .where('identifier', '=', identifierOf(name))
      .where('users.id', '!=', id)
      .executeTakeFirst()
    if (other) found.push({ login, name, other: other.login })
  }
  return found
}
