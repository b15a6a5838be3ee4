// SQLite alone: is about texts, and asks no database
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { whyUnreadable } from '../fixtures/cli/advised-commands.ts'
import { commandsIn } from '../fixtures/documents/commands.ts'
import { documentsBelow } from '../fixtures/documents/markdown.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
// Written from a real run, with long lines broken; test/operations/advice-that-mends.ts runs what it advises.
const DOCUMENTS = documentsBelow(ROOT).filter((file) => file !== 'docs/refusals.md')
const scripts = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> }

/** A word in capitals is for people to replace, and of words with bars between them one is meant. */
const isPlaceholder = (message = ''): boolean => /argument '[A-Z]+' is invalid/.test(message)
const choosing = (words: readonly string[]): string[] => words.map((word) => word.replace(/^([a-z]+)\|.*/, '$1'))

const commandsOf = (program: string) =>
  DOCUMENTS.flatMap((file) => commandsIn(readFileSync(ROOT + file, 'utf8'), program).map((one) => ({ file, ...one })))

await t.test('every command in a document is one that the program takes', async (t) => {
  const seen = commandsOf('(?:tessera|node dist/src/cli/tessera.js)')
  for (const { file, line, words, isWhole } of seen) {
    const why = await whyUnreadable(choosing(words))
    // A sentence may call a command by its name alone.
    const isName = !isWhole && /missing|help/i.test(why?.code ?? '')
    t.ok(
      why === undefined || isName || isPlaceholder(why.message),
      `${file}:${line}: tessera ${words.join(' ')}: ${why?.message}`,
    )
  }
  t.ok(seen.length > 250, `${seen.length} commands`)
})

await t.test('every npm script and every file of scripts in a document is there', async (t) => {
  for (const { file, line, words } of commandsOf('npm run')) {
    const name = words.find((word) => !word.startsWith('-'))
    t.ok(name !== undefined && name in scripts.scripts, `${file}:${line}: npm run ${words.join(' ')}`)
  }
  for (const { file, line, words } of [...commandsOf('npx tsx'), ...commandsOf('npx tap')]) {
    const path = words.find((word) => word.endsWith('.ts')) ?? ''
    t.ok(path === 'FILE' || existsSync(ROOT + path), `${file}:${line}: ${path}`)
  }
})
