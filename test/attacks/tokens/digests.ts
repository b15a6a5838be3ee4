import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { startWorld } from '../../fixtures/instance/world.ts'
import { query } from '../../fixtures/store/database.ts'
import { onPostgres } from '../../fixtures/store/postgres.ts'

/** Where a secret somebody sends is looked for by its digest. */
const LOOKED_UP: readonly (readonly [table: string, column: string])[] = [
  ['authorization_codes', 'digest'],
  ['refresh_tokens', 'digest'],
  ['reference_tokens', 'digest'],
  ['opaque_access_tokens', 'digest'],
  ['sign_in_sessions', 'cookie_digest'],
]

/** Tables and the one column that a unique index of theirs is about. */
const UNIQUE = onPostgres
  ? `select c.relname::text as table, min(a.attname)::text as column from pg_index i
     join pg_class c on c.oid = i.indrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey::int2[])
     where i.indisunique group by c.relname, i.indexrelid having count(*) = 1`
  : `select m.name as "table", min(c.name) as "column" from sqlite_master m
     join pragma_index_list(m.name) i join pragma_index_info(i.name) c
     where m.type = 'table' and i."unique" = 1 group by m.name, i.name having count(*) = 1`

/** Administrators compare what they set with what is there; nobody guesses. */
const OF_ADMINISTRATORS = /^(admin|config-files|cli|operations\/doctor)\//

const SOURCES = readdirSync(new URL('../../../src', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !OF_ADMINISTRATORS.test(file))
  .map((file) => [file, readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8')] as const)

await t.test('PT-02: what is sent is looked up by its digest, on an index of its own', async (t) => {
  const { instance } = await startWorld(t)
  const unique = await query<{ table: string; column: string }>(instance, UNIQUE)
  for (const [table, column] of LOOKED_UP)
    t.ok(
      unique.some((index) => index.table === table && index.column === column),
      `${table}.${column}`,
    )
})

await t.test('PT-02: secrets are compared in constant time, and only there', async (t) => {
  const using = SOURCES.filter(([, text]) => text.includes('timingSafeEqual')).map(([file]) => file)
  t.ok(using.includes('lib/crypto/secrets.ts'))
  // A digest or secret beside === or inside startsWith would tell how much of a guess is right.
  const SECRET = String.raw`(?:[a-z.]*\b(?:digest|secretHash|passwordHash|csrf|signature|mac)\b(?:\([^)]*\))?|[a-z]+\.hash)`
  const compared = new RegExp(
    String.raw`${SECRET} [!=]== (?!undefined|null|''|true|false|\d)|[!=]== ${SECRET}(?!\w)|${SECRET}\.(?:startsWith|includes|localeCompare)\(`,
    'g',
  )
  t.ok(compared.test('if (digest(sent) === known) return'), 'the pattern finds what it is for')
  compared.lastIndex = 0
  t.strictSame(
    SOURCES.flatMap(([file, text]) => [...text.matchAll(compared)].map(([match]) => `${file}: ${match}`)),
    [],
  )
})
