import { type Kysely, sql } from 'kysely'

// Names by which people are found fold completely: the capital of ß as ß does, to ss, and the dotted capital of i to i. A name that
// another account has by now stays as it was, so that nobody is lost; `tessera doctor` tells of those.
const fold = (identifier: string): string =>
  identifier
    .replaceAll('ß', 'ss')
    .replace(/i\u0307+/g, 'i')
    .normalize('NFKC')

export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ identifier: string }>`
    select identifier from user_identifiers where identifier like ${'%ß%'} or identifier like ${'%i\u0307%'}
    order by identifier`.execute(db)
  for (const { identifier } of rows) {
    const folded = fold(identifier)
    await sql`update user_identifiers set identifier = ${folded} where identifier = ${identifier}
      and not exists (select 1 from user_identifiers other where other.identifier = ${folded})`.execute(db)
  }
}
