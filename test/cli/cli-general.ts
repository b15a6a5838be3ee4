// SQLite alone: is about flags, files of settings and exit codes
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SETTINGS } from '../../src/config/settings.ts'
import { INSTANCE_SETTING_NAMES } from '../../src/domain/instance/instance-settings.ts'
import { shownDatabaseUrl } from '../../src/lib/net/database-url.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, environment, plainTessera, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { emptyPlaceOf, type Place, placeOf } from '../fixtures/instance/place.ts'

/** The command line on a folder of its own, where no server runs. */
const start = (t: Test): Place => placeOf(t, 'tessera-cli-')

await t.test('help, version and mistakes', async (t) => {
  const { tessera } = start(t)
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.strictSame(await tessera(['--version']), { code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  t.equal((await tessera(words('help app register'))).stdout, (await tessera(words('app register --help'))).stdout)
  const mistakes: readonly (readonly [line: string, said: RegExp])[] = [
    ['', /^Usage: tessera/],
    ['app', /^Usage: tessera app/],
    ['ap list', /^unknown command 'ap'\n\(Did you mean app\?\)\ntessera --help lists its commands\n$/],
    ['qqq', /^unknown command 'qqq'\nexpected one of: serve, app, .*\ntessera --help lists its commands\n$/],
    ['help qqq', /^unknown command 'qqq'\nexpected one of: serve, app, .*\ntessera --help lists its commands\n$/],
    [
      'help app regster',
      /^unknown command 'regster'\n\(Did you mean register\?\)\ntessera app --help lists its commands\n$/,
    ],
    [
      'app regster x --web',
      /^unknown command 'regster'\n\(Did you mean register\?\)\ntessera app --help lists its commands\n$/,
    ],
    ['app list --jsn', /^unknown option '--jsn'\n\(Did you mean --json\?\)\ntessera app list --help explains them\n$/],
    [
      'session list --colour red',
      /^unknown option '--colour'\nexpected: tessera session list with --user, --app, .*\ntessera session list --help explains them\n$/,
    ],
    [
      'audit list --event sign_in_faild',
      /^unknown value of --event 'sign_in_faild'\n\(Did you mean sign_in_failed\?\)\ntessera audit list --help explains them\n$/,
    ],
    [
      'user add x --type Robot',
      /^unknown value of --type 'Robot'\nexpected one of: InternalUser, .*\ntessera user add --help explains them\n$/,
    ],
    [
      'completion bsh',
      /^unknown value of <shell> 'bsh'\n\(Did you mean bash\?\)\ntessera completion --help explains them\n$/,
    ],
    ['app show', /^missing required argument 'application-uri'\nexpected: tessera app show <application-uri>/],
    ['app show a b', /^too many arguments/],
    ['app update x', /^nothing to change: give a flag such as --add-redirect-uri or --set NAME=VALUE\n/],
    ['app rotate-secret x --overlap soon', /Expected a length of time up to 365d, such as 0, 30m, 12h or 7d/],
    ['key rotate --publish-for 400d', /Expected a length of time up to 365d/],
    ['app list --config /nowhere/tessera.env', /^the configuration file \/nowhere\/tessera\.env cannot be read/],
  ]
  for (const [line, said] of mistakes) {
    matchesWhole(t, await tessera(words(line)), { code: 2, stdout: '', stderr: said }, line || 'no command')
  }
})

await t.test('with --json a failure is one document on standard error', async (t) => {
  const { tessera } = start(t)
  const failures: readonly (readonly [line: string, exitCode: number, errors: readonly RegExp[]])[] = [
    ['app show nope', 1, [/^no app has the ApplicationUri "nope"; tessera app list shows every app$/]],
    ['user show nope', 1, [/^no user has the login/]],
    ['app register x --spa', 2, [/^ImpersonateLoginUrl: is required/]],
    ['app list --jsn', 2, [/^unknown option '--jsn'$/, /Did you mean/, /^tessera app list --help/]],
    ['app', 2, [/^a command is missing; --help lists them all$/]],
    ['bogus', 2, [/^unknown command 'bogus'$/, /^expected one of: serve/, /^tessera --help/]],
  ]
  for (const [line, exitCode, errors] of failures) {
    const { code, stdout, stderr } = await tessera([...words(line), '--json'])
    t.strictSame({ code, stdout }, { code: exitCode, stdout: '' }, line)
    t.match(JSON.parse(stderr), { errors, exitCode })
  }
  const unset = await tesseraWith({ TESSERA_ISSUER: 'qqq', TESSERA_COLOUR: 'red' })(words('app list --json'))
  matchesWhole(t, JSON.parse(unset.stderr), {
    errors: [/TESSERA_COLOUR is not a setting/, /^TESSERA_ISSUER /],
    exitCode: 2,
  })
})

await t.test('a reader that has seen enough is no error', async (t) => {
  const { settings, tessera } = start(t)
  await documentOf(tessera(words('user add david --json')))
  const codeWithout = (stream: 'stdout' | 'stderr', args: readonly string[]): Promise<number | null> =>
    new Promise((resolve) => {
      const child = spawn(...plainTessera(...args), { env: environment(settings) })
      child[stream].destroy()
      child.on('close', resolve)
    })
  t.equal(await codeWithout('stdout', ['user', 'list']), 0)
  t.equal(await codeWithout('stdout', ['settings', '--json']), 0)
  t.equal(await codeWithout('stderr', ['app', 'show', 'nope']), 1, 'a failure stays one')
})

await t.test('key, db and settings', async (t) => {
  const { folder, databaseUrl, tessera } = emptyPlaceOf(t, 'tessera-cli-')
  matchesWhole(t, await tessera(words('db status')), {
    code: 1,
    stdout: '',
    stderr: /^there is no instance at .*; check .* tessera db migrate/,
  })
  const migrated = (await documentOf(tessera(words('db migrate --json'))))['migrated'] as string[]
  t.ok(migrated.includes('0001-foundation'))
  t.match(await tessera(words('db migrate')), { code: 0, stdout: 'The database is up to date.\n' })
  matchesWhole(t, await documentOf(tessera(words('db status --json'))), {
    database: shownDatabaseUrl(databaseUrl),
    applied: migrated,
    pending: [],
  })

  t.strictSame(JSON.parse((await tessera(words('key list --json'))).stdout), [], 'a look makes no key')
  const rotated = await documentOf(tessera(words('key rotate --json')))
  t.match(rotated, { algorithm: 'RS256', state: 'next' })
  t.match((await tessera(words('key list'))).stdout, new RegExp(`^${String(rotated['kid'])} +RS256 +next +`, 'm'))

  const settings = JSON.parse((await tessera(words('settings --json'))).stdout) as { name: string; help: string }[]
  t.strictSame(
    settings.map(({ name }) => name),
    [...Object.keys(SETTINGS), ...INSTANCE_SETTING_NAMES],
  )
  t.ok(settings.every(({ help }) => help !== ''))

  const file = join(folder, 'tessera.env')
  writeFileSync(file, 'TESSERA_ISSUER=https://id.example.com/id\n')
  const line = 'app register my.trusted.app/spa --spa --redirect-uri http://localhost:5082/ --json'
  const { issuer } = await documentOf(tessera([...words(line), '--config', file]))
  t.equal(issuer, 'https://id.example.com/id', 'settings come from the file of --config')
})
