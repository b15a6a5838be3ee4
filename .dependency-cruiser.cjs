// The table "who may import whom" of docs/architecture.md, as rules.
// A wing, the wings whose values it may use, and those whose types alone.
const WINGS = {
  lib: [[], []],
  domain: [['lib'], []],
  config: [['domain', 'lib'], []],
  operations: [['domain', 'lib'], ['store']],
  admin: [['domain', 'lib'], ['store']],
  'sign-in': [['domain', 'lib'], ['store']],
  'api-sessions': [['domain', 'lib'], ['store']],
  // Who may use `admin` is narrowed below.
  oauth: [['domain', 'lib', 'admin'], ['store']],
  'config-files': [['admin', 'domain', 'lib'], ['store']],
  web: [
    ['domain', 'lib'],
    ['oauth', 'sign-in', 'api-sessions', 'config-files', 'admin', 'store'],
  ],
  compose: [
    [
      'web',
      'oauth',
      'sign-in',
      'api-sessions',
      'config-files',
      'admin',
      'operations',
      'store',
      'config',
      'domain',
      'lib',
    ],
    [],
  ],
  cli: [['main', 'compose', 'config-files', 'oauth', 'admin', 'operations', 'store', 'config', 'domain', 'lib'], []],
  'resource-server': [[], []],
}

// Inside a wing: a room, and the rooms (or files) of the same wing that it may use. Siblings never meet.
const ROOMS = {
  lib: { time: [], text: [], files: [], flow: ['time'], net: ['flow'], crypto: ['files', 'text'] },
  domain: {
    refusals: [],
    protocol: ['refusals'],
    records: ['refusals'],
    users: ['refusals', 'protocol', 'records'],
    apps: ['refusals', 'protocol', 'records', 'users'],
    access: ['refusals', 'protocol', 'records', 'users', 'apps'],
    sessions: ['refusals', 'records', 'users', 'access'],
    instance: ['refusals', 'protocol', 'records', 'users', 'apps', 'sessions'],
    tokens: ['refusals', 'protocol', 'records', 'users', 'apps', 'access', 'instance'],
    outbox: ['instance'],
  },
  store: {
    schema: [],
    repositories: ['schema'],
    engine: ['schema', 'repositories', 'store\\.ts'],
    transfer: ['schema', 'repositories', 'engine'],
    check: ['schema', 'repositories', 'engine', 'transfer'],
  },
  oauth: { 'client-auth': [], grants: [], tokens: [], authorize: [], registration: [] },
  'sign-in': { session: [], logout: ['session'], devices: [], throttle: ['devices'], methods: ['throttle', 'devices'] },
  admin: { change: [], users: ['change'], apps: ['change', 'users'], grants: ['change', 'users', 'apps'] },
  operations: { audit: [], refusals: ['audit'], doctor: [], maintenance: [], 'master-key': [], outbox: [] },
  'config-files': { schema: [], read: ['schema'], stage: ['schema'], apply: ['schema', 'read', 'stage'] },
  web: { kit: [], endpoints: ['kit'], pages: ['kit'], 'manage-api': ['kit'], 'profile-api': ['kit'] },
  cli: {
    kit: [],
    app: ['kit'],
    user: ['kit'],
    db: ['kit'],
    files: ['kit'],
    operate: ['kit'],
    access: ['kit'],
    explain: ['kit'],
    completion: ['kit'],
  },
}

const any = (names) => names.join('|')

/** A folder may import values only from the wings named; types may cross to `types` as well. */
const mayImport = (name, path, values, types = []) => [
  {
    name: `${name}-values`,
    severity: 'error',
    from: { path },
    to: {
      path: '^(src|db)/',
      pathNot: `^src/(${any(values)})(/|\\.ts$)`,
      ...(types.length > 0 ? { dependencyTypesNot: ['type-only'] } : {}),
    },
  },
  ...(types.length > 0
    ? [
        {
          name: `${name}-types`,
          severity: 'error',
          from: { path },
          to: {
            path: '^(src|db)/',
            pathNot: `^src/(${any([...values, ...types])})(/|\\.ts$)`,
            dependencyTypes: ['type-only'],
          },
        },
      ]
    : []),
]

/** A room may import from itself and the rooms named; what it takes from other wings is for the wing to say. */
const mayMeet = (wing, room, others) => ({
  name: `${wing}/${room}`,
  severity: 'error',
  from: { path: `^src/${wing}/${room}/` },
  to: { path: `^src/${wing}/`, pathNot: `^src/${wing}/(${any([room, ...others])})(/|$)` },
})

/** A package may be imported only from the folders named. */
const onlyIn = (name, packages, folders) => ({
  name: `${name}-only-there`,
  severity: 'error',
  from: { path: '^src/', pathNot: folders },
  to: { path: `node_modules/(${packages})(/|$)`, dependencyTypesNot: ['type-only'] },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|db)/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    ...Object.entries(WINGS).flatMap(([wing, [values, types]]) =>
      mayImport(wing, `^src/${wing}/`, [wing, ...values], types),
    ),
    {
      name: 'store-values',
      severity: 'error',
      from: { path: '^src/store/' },
      to: { path: '^(src|db)/', pathNot: '^(src/(store|domain|lib)|db/migrations)/' },
    },
    ...Object.entries(ROOMS).flatMap(([wing, rooms]) =>
      Object.entries(rooms).map(([room, others]) => mayMeet(wing, room, others)),
    ),
    {
      name: 'a-wing-has-a-row',
      comment: 'A new folder of src needs its line in the table above.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${any([...Object.keys(WINGS), 'store'])})/` },
      to: {},
    },
    {
      name: 'registration-through-admin-alone',
      severity: 'error',
      from: { path: '^src/oauth/(?!registration/)' },
      to: { path: '^src/admin/' },
    },
    ...mayImport('web-kit', '^src/web/kit/', ['web/kit', 'domain', 'lib'], ['store']),
    {
      name: 'no-endpoint-imports-an-endpoint',
      severity: 'error',
      from: { path: '^src/web/endpoints/([^/]+)' },
      to: { path: '^src/web/endpoints/', pathNot: '^src/web/endpoints/$1' },
    },
    {
      name: 'resource-server-packages',
      comment: 'What an API installs must bring nothing of the server along.',
      severity: 'error',
      from: { path: '^src/resource-server/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/jose/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nobody-imports-resource-server',
      severity: 'error',
      from: { path: '^(src|db)/', pathNot: '^src/resource-server/' },
      to: { path: '^src/resource-server/' },
    },
    {
      name: 'what-ships-imports-neither-tests-nor-scripts',
      severity: 'error',
      from: { path: '^(src|db)/' },
      to: { path: '^(test|scripts)/' },
    },
    onlyIn('outbound', 'undici|ipaddr.js', '^src/lib/net/'),
    onlyIn('argon2', '@node-rs/argon2', '^src/lib/crypto/'),
    onlyIn('kysely', 'kysely|pg', '^src/store/'),
    // Which one is safe with the Node that runs is decided there, before it is loaded.
    onlyIn('sqlite', 'better-sqlite3', '^src/store/engine/sqlite-library\\.ts$'),
    onlyIn('jose', 'jose', '^src/(oauth/(tokens|client-auth)|resource-server)/'),
    onlyIn('fastify', 'fastify|@fastify/[^/]+|eta|prom-client', '^src/(web/|resource-server/|compose/server\\.ts$)'),
    onlyIn('yaml', 'yaml', '^src/config-files/'),
    onlyIn('commander', 'commander', '^src/cli/'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
