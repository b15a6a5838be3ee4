// SQLite alone: reads the source
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../../../', import.meta.url)

/** Every file below a folder, and what is in it. */
const filesIn = (folder: string, ending: string): (readonly [file: string, text: string])[] =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => [`${folder}/${file}`, readFileSync(new URL(`${folder}/${file}`, ROOT), 'utf8')])

// Migrations take nothing from anybody.
const SOURCES = filesIn('src', '.ts')

/** What the pattern matches anywhere, each with its file. */
const found = (pattern: RegExp, files = SOURCES): string[] =>
  files.flatMap(([file, text]) => [...text.matchAll(pattern)].map(([match]) => `${file}: ${match}`)).sort()

/** SQL that is not a parameter: names of tables and columns, types and literals that the source itself holds. */
const UNPARAMETERED: readonly string[] = [
  'src/store/check/contents.ts: sql.lit(now)',
  'src/store/check/contents.ts: sql.raw(condition)',
  'src/store/check/contents.ts: sql.table(table)',
  // Tables and columns that the file itself lists.
  ...[`ref(\`owned.\${of}\`)`, 'ref(key)', 'ref(of)', 'table(table)'].map(
    (name) => `src/store/repositories/instance/removals.ts: sql.${name}`,
  ),
  'src/store/repositories/instance/master-key.ts: sql.ref(COLUMNS[table].box)',
  'src/store/repositories/instance/master-key.ts: sql.ref(COLUMNS[table].key)',
  'src/store/repositories/instance/master-key.ts: sql.table(table)',
  // Names of its own tables, and numbers; values are bound.
  'src/store/repositories/instance/staging.ts: sql.raw(statement)',
  'src/store/schema/columns.ts: sql.ref(column)',
  ...['app_epoch', 'application_uri', 'session_epoch', 'user_epoch', 'user_id'].map(
    (column) => `src/store/repositories/sessions/session-epochs.ts: sql.ref(\`\${table}.${column}\`)`,
  ),
]
/** These copy and guard whole tables, whose names and columns come from the catalogue of the database. */
const OF_TABLES = /^src\/store\/(transfer|check)\/|^src\/store\/repositories\/instance\/move-state\.ts: /

/** Columns that are an argument, of a type that lists the columns there are. */
const BY_TYPE: readonly string[] = [
  'src/store/repositories/instance/leftovers.ts: .orderBy(since as never',
  'src/store/repositories/instance/leftovers.ts: .where(since as never',
  'src/store/repositories/instance/leftovers.ts: .where(column as never',
  'src/store/repositories/instance/leftovers.ts: .where(key as never',
  'src/store/repositories/instance/names.ts: .orderBy(name',
  'src/store/repositories/instance/names.ts: .select(name',
  'src/store/repositories/instance/names.ts: .where(name',
  'src/store/repositories/instance/removals.ts: .select(key',
  'src/store/repositories/instance/removals.ts: .where(key',
  'src/store/repositories/sessions/sign-in-sessions.ts: .where(column',
]
/** Nor is this a column, but a condition that the file itself holds. */
const CONDITIONS: readonly string[] = [
  ...['api-session-apps', 'api-sessions', 'live-api-sessions'].map(
    (file) => `src/store/repositories/sessions/${file}.ts: .where(mayStillCall`,
  ),
  'src/store/repositories/sessions/session-apps.ts: .where(these',
  'src/store/repositories/tokens/authorization-codes.ts: .where(isSignedIn',
]

await t.test('AD-12: no text of anybody gets into SQL but as a parameter', async (t) => {
  const unparametered = found(/\bsql\.(raw|lit|ref|table|id)\([^()]*\)?/g)
  t.ok(unparametered.length > 0, 'there is something to look at')
  t.strictSame(
    unparametered.filter((use) => !OF_TABLES.test(use) && !UNPARAMETERED.includes(use)),
    [],
  )
  const wants = found(/\bholding\((?!column: string)[^)]*\)/g)
  t.ok(wants.length > 0)
  t.strictSame(
    wants.filter((use) => !/holding\('[a-z_]+', |names\.ts: holding\(name, /.test(use)),
    [],
    'columns that are searched are named in the source',
  )
  t.strictSame(
    found(/\.dynamic\b|\$castTo<any>|\.key\(|executeQuery\(CompiledQuery\.raw\((?!'|GIVE_UP\))[^)]*/g),
    [],
    'nor by Kysely’s JSON paths',
  )
  const named = found(
    /\.(orderBy|groupBy|where|select)\((?!sql[<`]|[['"(\s]|[a-zA-Z]+\()\w[^,)]*/g,
    filesIn('src/store', '.ts'),
  )
  t.strictSame(
    [...new Set(named)].filter((use) => !BY_TYPE.includes(use) && !CONDITIONS.includes(use)),
    [],
    'columns of a query are named in the source',
  )
})

await t.test('AD-12: templates put out text, never markup, and take no options of anybody', async (t) => {
  const templates = filesIn('templates', '.eta')
  t.ok(templates.length > 5)
  t.strictSame(
    found(/<%~.*?%>/g, templates).filter((use) => !/: <%~ include\('\.\/[a-z-]+', \{/.test(use)),
    ['templates/layout.eta: <%~ it.body %>'],
    'the page that is put in its frame, and parts that are templates of ours',
  )
  const asset =
    /<script(?: type="module")? src="<%= it\.(?:base %>\/assets\/|asset\((?:it\.script|'[a-z-]+\.js')\) %>")/
  t.strictSame(
    found(/<script.*/g, templates).filter((use) => !asset.test(use)),
    [],
    'scripts are files of ours',
  )
  const chosen = found(/\bscript: (?!string|'[a-z-]+\.js').*/g, filesIn('src/web', '.ts'))
  t.strictSame(chosen, [], 'named in the source')
  t.strictSame(found(/\son[a-z]+=|\sstyle=|javascript:/g, templates), [])
  t.strictSame(
    found(/new Eta\(.*\)/g),
    ['src/web/kit/answers/pages.ts: new Eta({ views: templates, cache: true }) },'].map((use) =>
      use.replace(/ },$/, ''),
    ),
    'escaping is on, as eta has it',
  )
  t.equal(found(/\.view\(/g).length, 1, 'pages are rendered in one place')
})

await t.test('AD-12: nothing that is sent becomes code or a command', async (t) => {
  t.strictSame(
    found(/\beval\(|new Function\(|vm\.run|\bexecSync\(|\bexec\((?!\w*[a-z])/g).filter((use) => !/exec\($/.test(use)),
    [],
  )
  t.strictSame(
    found(/from 'node:(child_process|vm)'/g).filter((use) => !use.startsWith('src/cli/')),
    // A program of its own, with paths as arguments, no shell and no environment.
    ["src/store/transfer/draft.ts: from 'node:child_process'"],
  )
})
