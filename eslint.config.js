import tseslint from 'typescript-eslint'

/** Of a pattern: what `t.match` takes for more than it says. */
const isLoose = (node) =>
  node.type === 'ArrayExpression' ||
  (node.type === 'ObjectExpression' && node.properties.length === 0) ||
  (node.type === 'Literal' && (node.value === null || node.value === '') && !('regex' in node))

/** What a constant of the same file holds, or a function of it returns at once; nothing where that is not plain to see. */
function heldBy(name, scope) {
  if (scope === null) return []
  const definitions = scope.set.get(name)?.defs
  if (definitions === undefined) return heldBy(name, scope.upper)
  const [one] = definitions
  if (one?.type !== 'Variable' || one.parent.kind !== 'const' || one.node.id.type !== 'Identifier') return []
  const { init } = one.node
  return [init?.type === 'ArrowFunctionExpression' ? init.body : init].filter(Boolean)
}

/** What a pattern is made of. */
const partsOf = (node, scope) => {
  switch (node.type) {
    case 'ObjectExpression':
      return node.properties.map((part) => (part.type === 'Property' ? part.value : part.argument))
    case 'ConditionalExpression':
      return [node.consequent, node.alternate]
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      return [node.expression]
    case 'CallExpression':
      return node.callee.type === 'Identifier' ? heldBy(node.callee.name, scope) : []
    case 'Identifier':
      return heldBy(node.name, scope)
    default:
      return []
  }
}

/** What is in a pattern, but for what is computed elsewhere. */
const within = (node, scope, deep = 9) => [
  node,
  ...(deep === 0 ? [] : partsOf(node, scope).flatMap((part) => within(part, scope, deep - 1))),
]

/** `t.match` takes a longer list for a list, nothing for `null` and anything for an empty text or object. */
const wholeMatches = {
  meta: { type: 'problem', schema: [] },
  create: (context) => ({
    'CallExpression[callee.object.name="t"][callee.property.name="match"]'(node) {
      const [, pattern] = node.arguments
      if (pattern === undefined || !within(pattern, context.sourceCode.getScope(node)).some(isLoose)) return
      context.report({ node, message: 't.match takes more than this says: use matchesWhole, or t.strictSame' })
    },
  }),
}

const WAIT = 'wait for what is to happen, as eventually() does, or turn the clock by hand'

// Only what needs types and what biome cannot see.
export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      'build/**',
      'data/**',
      '.tap/**',
      'scripts/demo/spa/**',
      '*.config.js',
      '.dependency-cruiser.cjs',
    ],
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafePromises: [{ from: 'package', name: 'FastifyReply', package: 'fastify' }] },
      ],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    plugins: { local: { rules: { 'whole-matches': wholeMatches } } },
    rules: {
      'local/whole-matches': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'CallExpression[callee.object.name="t"][callee.property.name="pass"]', message: 'asserts nothing' },
      ],
    },
  },
  {
    // Folder by folder, as the waits of the others are gone through.
    files: ['test/admin/**/*.ts', 'test/attacks/**/*.ts', 'test/cli/cli-app*.ts', 'test/cli/cli-user*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'CallExpression[callee.object.name="t"][callee.property.name="pass"]', message: 'asserts nothing' },
        { selector: 'NewExpression[callee.name="Promise"] CallExpression[callee.name="setTimeout"]', message: WAIT },
        { selector: 'ImportDeclaration[source.value="node:timers/promises"]', message: WAIT },
      ],
    },
  },
)
