import { readdirSync, readFileSync } from 'node:fs'
import { HEAVY } from './budget.ts'

const HELPERS = 'test/fixtures/'
const SQLITE_ALONE = /^\/\/ SQLite alone: (.+)$/m

/** Every test file, as a path from the root of the project. */
export const allFiles = (): string[] =>
  readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((path) => `test/${path}`)
    .filter((path) => path.endsWith('.ts') && !path.startsWith(HELPERS))
    .sort()

/**
 * Why a file has nothing to ask of PostgreSQL. A file runs on both databases unless it begins with `// SQLite alone: ` and the reason.
 */
export function whySqliteAlone(file: string): string | undefined {
  const [first = ''] = readFileSync(file, 'utf8').split('\n', 1)
  return SQLITE_ALONE.exec(first)?.[1]
}

/** Whether a file measures time, so that nothing else may run meanwhile: it begins with `// Timed: ` and what it measures. */
export const isTimed = (file: string): boolean =>
  readFileSync(file, 'utf8')
    .split('\n', 3)
    .some((line) => line.startsWith('// Timed: '))

/** Those that take longest come first, so that no lane waits for one that began last. */
export const inOrder = (files: readonly string[]): string[] => [
  ...files.filter((file) => HEAVY[file] !== undefined),
  ...files.filter((file) => HEAVY[file] === undefined),
]
