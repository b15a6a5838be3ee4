// SQLite alone: compares two lists
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../src/cli/program.ts'
import { createAdminApi } from '../fixtures/admin/admin.ts'
import { startInstance } from '../fixtures/instance/instance.ts'

/** What does over HTTP what the command does; a text is why the command is for the machine, or for a terminal, alone. */
const OVER_HTTP: Readonly<Record<string, readonly string[] | string>> = {
  serve: 'it is the server',
  'app register': ['post /apps'],
  'app list': ['get /apps'],
  'app show': ['get /apps/{applicationUri}'],
  'app update': ['patch /apps/{applicationUri}'],
  'app attributes': 'the description of the API says what each attribute means',
  'app enable': ['patch /apps/{applicationUri}'],
  'app disable': ['patch /apps/{applicationUri}'],
  'app rotate-secret': ['post /apps/{applicationUri}/secrets'],
  'app remove-secret': ['get /apps/{applicationUri}/secrets', 'delete /apps/{applicationUri}/secrets/{secret}'],
  'app logouts': ['get /apps/{applicationUri}/logouts'],
  'app remove': ['delete /apps/{applicationUri}'],
  'user add': ['post /users'],
  'user list': ['get /users'],
  'user show': ['get /users/{user}'],
  'user update': ['patch /users/{user}'],
  'user set-password': ['put /users/{user}/password'],
  'user enable': ['patch /users/{user}'],
  'user disable': ['patch /users/{user}'],
  'user unlock': ['post /users/{user}/unlock'],
  'user remove': ['delete /users/{user}'],
  'resource add': ['post /resources'],
  'resource list': ['get /resources'],
  'resource show': ['get /resources/{identifier}'],
  'resource update': ['patch /resources/{identifier}'],
  'resource remove': ['delete /resources/{identifier}'],
  'token issue-pat': ['post /apps/{applicationUri}/tokens'],
  'token issue-sat': ['post /apps/{applicationUri}/tokens'],
  'token list': ['get /apps/{applicationUri}/tokens'],
  'token revoke': ['delete /apps/{applicationUri}/tokens/{id}'],
  'registration token create': ['post /registration-tokens'],
  'registration token list': ['get /registration-tokens'],
  'registration token revoke': ['delete /registration-tokens/{id}'],
  'sign-in list': ['get /users/{user}/sign-ins'],
  'sign-in show': ['get /sign-ins/{sid}'],
  'sign-in end': ['delete /sign-ins/{sid}', 'delete /users/{user}/sign-ins'],
  'session list': ['get /sessions'],
  'session end': ['delete /sessions/{id}', 'delete /users/{user}/sessions'],
  'consent list': ['get /users/{user}/consents'],
  'consent withdraw': ['delete /users/{user}/consents/{applicationUri}'],
  'license show': ['get /license'],
  'license set': ['put /license'],
  'key list': ['get /keys'],
  'key rotate': ['post /keys'],
  'key revoke': ['delete /keys/{kid}'],
  'key reseal': 'it writes the file of the master key, which is on the machine',
  'key forget': 'it writes the file of the master key, which is on the machine',
  plan: ['post /plan'],
  apply: ['post /apply'],
  export: ['get /apps', 'get /users', 'get /resources', 'get /settings'],
  'audit list': ['get /audit'],
  'audit export': ['get /audit'],
  'db migrate': 'the server does not run before it',
  'db status': 'it looks at the database whether or not a server runs',
  'db check': 'it looks at the database whether or not a server runs',
  'db clock': 'it is for a server that does not start',
  'db move': 'no server runs meanwhile',
  'db backup': 'it writes a file on the machine, with the master key that is there',
  'db restore': 'no server runs meanwhile',
  'settings list': ['get /settings'],
  'settings set': ['patch /settings'],
  'settings unset': ['patch /settings'],
  'refusal show': ['get /refusals/{id}'],
  'refusal list': ['get /refusals'],
  'explain token': 'it reads a token that somebody at a terminal has; apps ask the introspection endpoint',
  doctor: 'it looks at the machine and its files, whether or not a server runs',
  completion: 'it is for shells',
  help: 'it is for terminals',
}

const { stdin, stdout, stderr } = process
const program = createProgram({ stdin, stdout, stderr, environment: {}, exitCode: 0 }, () => undefined)
const namesOf = (command: Command, path = ''): string[] =>
  command.commands.flatMap((child) =>
    child.commands.length > 0 ? namesOf(child, `${path}${child.name()} `) : [`${path}${child.name()}`],
  )

await t.test('each command has its route in the administration API, or a reason why it has none', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  t.strictSame(Object.keys(OVER_HTTP).sort(), namesOf(program).sort(), 'a new command says which')
  const { json } = await createAdminApi(instance, undefined).get('/openapi.json')
  const paths = json['paths'] as Record<string, object>
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replace('/manage/api/v1', '')}`),
  )
  const named = Object.values(OVER_HTTP).flatMap((how) => (typeof how === 'string' ? [] : how))
  t.strictSame(
    named.filter((route) => !routes.includes(route)),
    [],
    'each route is there',
  )
})
