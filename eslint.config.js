import tseslint from 'typescript-eslint'

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
)
