// The table "who may import whom" of README.md, as rules.
const SIBLINGS = [
  'client-auth',
  'grants',
  'tokens',
  'authorize',
  'sign-in',
  'sessions',
  'journal',
  'administration',
  'maintenance',
  'doctor',
]

/** A folder may import values only from the ones named; types may cross to `types` as well. */
const mayImport = (folder, values, types = []) => [
  {
    name: `${folder}-values`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: {
      path: '^(src|db)/',
      pathNot: `^src/(${[folder, ...values].join('|')})/`,
      ...(types.length > 0 ? { dependencyTypesNot: ['type-only'] } : {}),
    },
  },
  ...(types.length > 0
    ? [
        {
          name: `${folder}-types`,
          severity: 'error',
          from: { path: `^src/${folder}/` },
          to: {
            path: '^(src|db)/',
            pathNot: `^src/(${[folder, ...values, ...types].join('|')})/`,
            dependencyTypes: ['type-only'],
          },
        },
      ]
    : []),
]

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
    ...mayImport('lib', []),
    ...mayImport('domain', ['lib']),
    {
      name: 'repositories-values',
      severity: 'error',
      from: { path: '^src/repositories/' },
      to: { path: '^(src|db)/', pathNot: '^(src/(repositories|domain|lib)|db/migrations)/' },
    },
    ...SIBLINGS.flatMap((folder) => mayImport(folder, ['domain', 'lib'], ['repositories'])),
    ...mayImport('configuration', ['domain', 'lib', 'administration'], ['repositories']),
    ...mayImport('registration', ['domain', 'lib', 'administration'], ['repositories']),
    ...mayImport('http', ['domain', 'lib'], ['repositories']),
    ...mayImport('endpoints', ['http', 'domain', 'lib'], [...SIBLINGS, 'registration', 'repositories']),
    ...mayImport('sites', ['http', 'domain', 'lib'], [...SIBLINGS, 'repositories']),
    ...mayImport('resource-server', []),
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
      name: 'no-endpoint-imports-an-endpoint',
      severity: 'error',
      from: { path: '^src/endpoints/([^/]+)' },
      to: { path: '^src/endpoints/', pathNot: '^src/endpoints/$1' },
    },
    {
      name: 'nobody-imports-the-root',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/cli/' },
      to: { path: '^src/(server|main|config)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    onlyIn('outbound', 'undici|ipaddr.js', '^src/lib/'),
    onlyIn('argon2', '@node-rs/argon2', '^src/lib/'),
    onlyIn('kysely', 'kysely|pg', '^src/repositories/'),
    // Which one is safe with the Node that runs is decided there, before it is loaded.
    onlyIn('sqlite', 'better-sqlite3', '^src/repositories/sqlite-library\\.ts$'),
    onlyIn('jose', 'jose', '^src/(tokens|client-auth|resource-server)/'),
    onlyIn(
      'fastify',
      'fastify|@fastify/[^/]+|eta|prom-client',
      '^src/(http|endpoints|sites|resource-server|server\\.ts)',
    ),
    onlyIn('yaml', 'yaml', '^src/configuration/'),
    onlyIn('commander', 'commander', '^src/cli/'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/resource-server/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
