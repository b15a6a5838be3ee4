/** What a command's help ends with: a word of explanation where one is needed, and commands to try. */
export const helpText = (examples: readonly string[], explanation?: string): string =>
  [
    ...(explanation === undefined ? [] : ['', explanation]),
    '',
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples.map((example) => `  $ ${example}`),
  ].join('\n')
