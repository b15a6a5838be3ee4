// SQLite alone: asks commands for their help, which no database answers
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { type Tessera, words } from '../fixtures/cli/cli.ts'
import { placeOf } from '../fixtures/instance/place.ts'

const GROUPS = ['app', 'user', 'resource', 'token', 'key', 'audit', 'refusal', 'db']
// They speak of a file, an address or a refusal that is not there; their own tests run them.
const OF_SOMETHING_ELSE =
  /serve|doctor|\.yaml|apply|explain|refusal show|key (revoke|forget)|new-key-file|db (move|backup|restore)/

const ALREADY =
  /is taken|is already registered|already exists|is already published|a password is missing|does not have exactly one secret called|does not accept reference tokens|no reference token has the id|is disabled; enable it with/

/** An example leaves a file where it runs. */
function runIn(t: Test, folder: string): void {
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
}

/** Every command there is, read from the help as a person would find them. */
async function everyCommand(tessera: Tessera): Promise<string[]> {
  const listed = (help: string): string[] => {
    const [, commands = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(help) ?? []
    return [...commands.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name)
  }
  const top = listed((await tessera(['--help'])).stdout)
  const below = GROUPS.map(async (group) =>
    listed((await tessera([group, '--help'])).stdout).map((name) => `${group} ${name}`),
  )
  return [...top, ...(await Promise.all(below)).flat()]
}

await t.test('the help of every command has examples, and each of them works', async (t) => {
  const place = placeOf(t)
  await place.prepare()
  const { tessera } = place
  runIn(t, place.folder)
  const commands = await everyCommand(tessera)
  const named =
    'app register|list|show|update|enable|disable|rotate-secret|remove-secret|remove, user add|list|show|update|set-password|enable|disable|remove, resource add|list|show|update|remove, token issue-pat|issue-sat|list|revoke, key list|rotate|revoke|reseal|forget, audit list|export, refusal list|show, db migrate|status|check|move|backup|restore'
  const wanted = named.split(', ').flatMap((group) => {
    const [noun = '', verbs = ''] = group.split(' ')
    return verbs.split('|').map((verb) => `${noun} ${verb}`)
  })
  t.strictSame(
    [...wanted, ...GROUPS, 'serve', 'plan', 'apply', 'export', 'explain'].filter(
      (command) => !commands.includes(command),
    ),
    [],
  )
  const helps = await Promise.all(['', ...commands].map((command) => tessera([...words(command), '--help'])))
  const examples = helps.flatMap(({ code, stdout, stderr }) => {
    matchesWhole(t, { code, stdout, stderr }, { code: 0, stdout: /^Usage: tessera /, stderr: '' })
    const found = [...stdout.matchAll(/^ {2}\$ (.+)$/gm)].map(([, example = '']) => example)
    t.ok(found.length > 0, `examples of: ${stdout.split('\n')[0]}`)
    const wide = stdout.split('\n').filter((line) => line.length > 140 && !line.startsWith('  $ '))
    t.strictSame(wide, [], 'no line but an example is too wide for a terminal')
    return found
  })

  // Making comes first and removing last, so that each finds what it speaks of.
  const tried = [...new Set(examples)].filter((example) => !OF_SOMETHING_ELSE.test(example))
  const isMaking = (example: string): boolean => /user add |app register |resource add /.test(example)
  const isRemoving = (example: string): boolean => / remove(-secret)? /.test(example)
  for (const example of tried.filter(isMaking).sort().reverse()) await works(t, tessera, example)
  const others = tried.filter((example) => !isMaking(example) && !isRemoving(example))
  for (const example of others) await works(t, tessera, example)
  const isOfSecret = (example: string): boolean => / remove-secret /.test(example)
  const removing = tried.filter(isRemoving).sort()
  for (const example of [...removing.filter(isOfSecret), ...removing.filter((other) => !isOfSecret(other))])
    await works(t, tessera, example)
})

/** The example does what it says, or cannot because another example has done it before. */
async function works(t: Test, tessera: Tessera, example: string): Promise<void> {
  const [, line = ''] = /(?:^|\| )tessera(.*)$/.exec(example) ?? []
  const { code, stderr } = await tessera(words(line), 'a long enough password')
  const said = stderr.trim()
  if (/ remove(-secret)? (?!.*--yes)/.test(line))
    t.match(
      said,
      /add --yes to confirm|does not have exactly one secret called|does not accept reference tokens|no reference token has the id|is disabled; enable it with/,
      example,
    )
  else if (code !== 0) t.match(said, ALREADY, example)
  else t.equal(code, 0, example)
}
