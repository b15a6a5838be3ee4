// SQLite alone: compares two lists
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../src/cli/program.ts'
import { createAdminApi } from '../fixtures/admin/admin.ts'
import { startInstance } from '../fixtures/instance/instance.ts'

const EXPLAINED =
  'it makes the checks of a request that nobody has sent; of one that was sent, GET /refusals/{id} tells the same'

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
  'token list': ['get /tokens', 'get /apps/{applicationUri}/tokens'],
  'token revoke': ['delete /tokens/{id}', 'delete /apps/{applicationUri}/tokens/{id}'],
  'registration token create': ['post /registration-tokens'],
  'registration token list': ['get /registration-tokens'],
  'registration token revoke': ['delete /registration-tokens/{id}'],
  'sign-in list': ['get /users/{user}/sign-ins'],
  'sign-in show': ['get /sign-ins/{sid}'],
  'sign-in end': ['delete /sign-ins/{sid}', 'delete /users/{user}/sign-ins'],
  'session list': ['get /sessions'],
  'session end': ['delete /sessions/{id}', 'delete /users/{user}/sessions'],
  'consent list': ['get /consents', 'get /users/{user}/consents'],
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
  export: 'it writes the whole of an instance at once, with the hashes of its secrets, for tessera apply',
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
  explain: EXPLAINED,
  'explain token': EXPLAINED,
  doctor: 'it looks at the machine and its files, whether or not a server runs',
  completion: 'it is for shells',
  help: 'it is for terminals',
}

/** Flags that ask for nothing of the instance, whatever the command. */
const AT_A_TERMINAL: Readonly<Record<string, string>> = {
  '--yes': 'nobody is asked over HTTP',
  '--all': 'the API always tells everything',
  '--limit': 'limit',
}

const ROLES = 'it stands for several attributes, which the API takes by their names'
const SHAPED = 'it is refused, and says which attributes make another shape, which the API takes by their names'
const ADDS = 'the API takes the list as a whole, under If-Match'

/** What of the API a flag is: a field of the body or the query; a sentence is why there is none. */
const FLAGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'app register': {
    ...{ '--web': ROLES, '--spa': ROLES, '--service': ROLES, '--hybrid': ROLES },
    ...{ '--redirect-uri': 'ImpersonateLoginUrl', '--logout-uri': 'ImpersonateLogoutUrl' },
    ...{ '--system-user': 'SystemUser', '--scope': 'Scope', '--name': 'Name' },
    ...{ '--community': 'ImpersonateAsCommunityUserAllowed', '--set': 'each attribute is a field' },
  },
  'app update': {
    ...{ '--web': SHAPED, '--spa': SHAPED, '--service': SHAPED, '--hybrid': SHAPED },
    ...{ '--redirect-uri': 'ImpersonateLoginUrl', '--logout-uri': 'ImpersonateLogoutUrl' },
    ...{ '--system-user': 'SystemUser', '--scope': 'Scope', '--name': 'Name', '--set': 'each attribute is a field' },
    '--community': 'ImpersonateAsCommunityUserAllowed',
    '--no-community': 'ImpersonateAsCommunityUserAllowed',
    ...{ '--add-redirect-uri': ADDS, '--remove-redirect-uri': ADDS },
    ...{ '--add-logout-uri': ADDS, '--remove-logout-uri': ADDS },
  },
  'app rotate-secret': {
    ...{ '--overlap': 'Overlap', '--label': 'Label', '--expires': 'ExpiresAt', '--hash': 'ApplicationSecretHash' },
  },
  'user add': {
    ...{ '--phone': 'phoneNumber', '--phone-verified': 'phoneNumberVerified', '--admin': 'isAdmin' },
    ...{ '--password-stdin': 'password', '--generate-password': 'whoever asks makes one up, and sends it' },
  },
  'user list': { '--state': 'isEnabled', '--after': 'cursor' },
  'user update': {
    ...{ '--phone': 'phoneNumber', '--phone-verified': 'phoneNumberVerified', '--admin': 'isAdmin' },
    ...{
      '--no-phone-verified': 'phoneNumberVerified',
      '--no-admin': 'isAdmin',
      '--no-email-verified': 'emailVerified',
    },
  },
  'user set-password': {
    ...{ '--password-stdin': 'password', '--generate-password': 'whoever asks makes one up, and sends it' },
  },
  'resource add': {
    ...{ '--name': 'Name', '--localized-name': 'LocalizedNames', '--scope': 'Scopes', '--scope-name': 'Scopes' },
    ...{ '--resource-server': 'ResourceServers', '--open-to-self-registered': 'OpenToSelfRegistered' },
    ...{ '--site-url': 'SiteUrl', '--site-type': 'SiteType', '--site-property': 'SiteProperties' },
  },
  'resource update': {
    ...{ '--name': 'Name', '--localized-name': 'LocalizedNames', '--scope': 'Scopes', '--scope-name': 'Scopes' },
    ...{ '--resource-server': 'ResourceServers', '--open-to-self-registered': 'OpenToSelfRegistered' },
    ...{ '--site-url': 'SiteUrl', '--site-type': 'SiteType', '--site-property': 'SiteProperties' },
    ...{ '--no-open-to-self-registered': 'OpenToSelfRegistered', '--remove-scope': ADDS },
    ...{ '--remove-resource-server': ADDS, '--remove-site-property': 'SiteProperties', '--remove-site': 'SiteUrl' },
  },
  'token issue-pat': { '--app': 'a part of the address', '--expires': 'expires_at', '--for': 'user' },
  'token issue-sat': { '--app': 'a part of the address', '--expires': 'expires_at' },
  'registration token create': { '--unlimited': 'uses' },
  'sign-in list': { '--user': 'a part of the address' },
  'sign-in end': { '--user': 'a part of the address' },
  'session end': { '--user': 'a part of the address' },
  'consent withdraw': { '--user': 'a part of the address', '--app': 'a part of the address' },
  'license set': { '--reserve': 'reserved', '--unreserve': 'reserved' },
}

const { stdin, stdout, stderr } = process
const program = createProgram({ stdin, stdout, stderr, environment: {}, exitCode: 0 }, () => undefined)

interface Named {
  readonly name: string
  readonly command: Command
}

/** Every command that does something by itself; one that has others below it may do so, too. */
const commandsBelow = (command: Command, path = ''): Named[] =>
  command.commands.flatMap((child) => {
    const name = `${path}${child.name()}`
    const acts = child.commands.length === 0 || child.registeredArguments.length > 0
    return [...(acts ? [{ name, command: child }] : []), ...commandsBelow(child, `${name} `)]
  })
const commands = commandsBelow(program)

const instance = await startInstance()
t.teardown(() => instance.close())
const { json } = await createAdminApi(instance, undefined).get('/openapi.json')

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly properties?: object } }>>
  }
}
const routes = new Map<string, Described>(
  Object.entries(json['paths'] as Record<string, Record<string, Described>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, route]) => [`${method} ${path.replace('/manage/api/v1', '')}`, route] as const,
    ),
  ),
)

await t.test('each command has its route in the administration API, or a reason why it has none', (t) => {
  t.strictSame(Object.keys(OVER_HTTP).sort(), commands.map(({ name }) => name).sort(), 'a new command says which')
  const named = Object.values(OVER_HTTP).flatMap((how) => (typeof how === 'string' ? [] : how))
  t.strictSame(
    named.filter((route) => !routes.has(route)),
    [],
    'each route is there',
  )
  t.end()
})

/** What a route takes in its body and its query. */
function fieldsOf({ parameters = [], requestBody }: Described): string[] {
  const bodies = Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => Object.keys(schema.properties ?? {}))
  return [...bodies, ...parameters.filter((one) => one.in === 'query').map(({ name }) => name)]
}

const camel = (flag: string): string => flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
const isReason = (text: string): boolean => text.includes(' ')

await t.test('each flag of such a command is a field of its routes, or has a reason why it is none', (t) => {
  const known = new Set<string>()
  for (const { name, command } of commands) {
    const how = OVER_HTTP[name] ?? ''
    if (typeof how === 'string') continue
    const fields = how.flatMap((route) => fieldsOf(routes.get(route) ?? {}))
    for (const { long } of command.options) {
      const flag = long ?? ''
      const said = FLAGS[name]?.[flag]
      if (said !== undefined) known.add(`${name} ${flag}`)
      const field = said ?? AT_A_TERMINAL[flag] ?? camel(flag)
      t.ok(isReason(field) || fields.includes(field), `${name} ${flag}: ${field}, of ${fields.join(' ')}`)
      if (said === 'a part of the address') t.match(how.join(' '), /\{\w+\}/, `${name} ${flag}`)
    }
  }
  const listed = Object.entries(FLAGS).flatMap(([name, flags]) => Object.keys(flags).map((flag) => `${name} ${flag}`))
  t.strictSame(
    listed.filter((flag) => !known.has(flag)),
    [],
    'each flag that is named is there',
  )
  t.end()
})
