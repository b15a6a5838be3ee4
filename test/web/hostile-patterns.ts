// SQLite alone: is about patterns, which no database sees
// Timed: how much longer patterns take for longer texts
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'

const LONG = 64 * 1024
/** A walk takes four times as long for four times the text, whatever goes with the square sixteen times. */
const MOST_GROWTH = 8
/** Milliseconds of CPU in which a walk is done with a text of a sixteenth, and what goes with the square has hardly begun. */
const A_WALK = 0.7
/** Milliseconds of CPU that no noise takes. */
const NO_NOISE = 100
const ATTEMPTS = 4
/** A pattern that goes with the square does so whenever it is asked; what only noise made slow is a walk again soon. */
const CONFIRMATIONS = 3

const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.d.ts'),
)

interface Found {
  readonly place: string
  readonly pattern: RegExp
}

const read = (file: string) =>
  ts.createSourceFile(file, readFileSync(`src/${file}`, 'utf8'), ts.ScriptTarget.Latest, true)

const toPattern = (text: string): RegExp => {
  const end = text.lastIndexOf('/')
  return new RegExp(text.slice(1, end), text.slice(end + 1).replace('y', ''))
}

/** Every regular expression that is written down in a source. */
function expressionsIn(source: ts.SourceFile): Found[] {
  const found: Found[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart())
      found.push({ place: `${source.fileName}:${line + 1} ${node.text}`, pattern: toPattern(node.text) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Where one is put together from texts, whose pattern nobody can read off. */
function constructionsIn(source: ts.SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp')
      found.push(source.fileName)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Signs and short texts that a pattern itself speaks of: what it repeats is among them. */
function pumpsOf({ source }: RegExp): string[] {
  const literal = source.replace(/\\[dwsbDWSB]|[\^$()[\]{}|?*+]/g, ' ').replace(/\\(.)/g, '$1')
  const words = literal.split(/\s+/).filter((word) => word !== '' && word.length < 12)
  return [...words, ...new Set(words.join(''))]
}

const PUMPS = [
  'a',
  'A',
  '0',
  ' ',
  '\t',
  '\n',
  '\0',
  'ä',
  '%',
  '%4',
  '%40',
  '@',
  '/',
  '\\',
  '"',
  '\\"',
  '"\\',
  '=',
  ',',
  ' ,',
  ';',
  ':',
  '.',
  '-',
  '_',
  '[',
  '(',
  '{',
  '<',
  'a.',
  'a ',
  'a,',
  'ab=',
]
/** What comes before and behind, so that a match begins, and does not end. */
const FRAMES = [
  ['', ''],
  ['a', '\u0001a'],
  ['"', '\u0001'],
  ['Basic ', '!'],
] as const

/** CPU milliseconds of everything that matches, at its least; asked again while it may be noise. */
function costOf({ pattern }: Found, text: string, enough: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && least > enough && (attempt === 0 || least < NO_NOISE); attempt++) {
    const before = process.cpuUsage()
    if (pattern.global) text.replace(pattern, '')
    else pattern.test(text)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

/** What two lengths of a text take, where the longer one takes more than its length says, each time that it is asked. */
function measureGrowth(found: Found, textOf: (length: number) => string, longest: number): string | undefined {
  const measured: string[] = []
  for (let time = 0; time < CONFIRMATIONS; time++) {
    const short = costOf(found, textOf(longest / 4), 0)
    const long = costOf(found, textOf(longest), short * MOST_GROWTH)
    if (long <= short * MOST_GROWTH) return undefined
    measured.push(`${short} ms, then ${long} ms`)
  }
  return measured.join('; ')
}

/** The first text for which a pattern takes more than its length says, and how much. */
function findSlow(found: Found, longest = LONG): string | undefined {
  for (const pump of new Set([...PUMPS, ...pumpsOf(found.pattern)]))
    for (const [before, behind] of FRAMES) {
      const textOf = (length: number): string => before + pump.repeat(length / pump.length) + behind
      if (costOf(found, textOf(LONG / 16), A_WALK) <= A_WALK) continue
      const growth = measureGrowth(found, textOf, longest)
      if (growth) return `${found.place} on ${JSON.stringify(pump)}: ${growth}`
    }
  return undefined
}

const patternOf = (pattern: RegExp): Found => ({ place: String(pattern), pattern })

await t.test('what goes with the square is found, and what walks once is not', (t) => {
  for (const pattern of [/\s+$/, /(x+)y/, /^(.*?),(.*?),$/, /"(?:[^"\\]|\\.)*"/, /users\/.*@/, /(?:%40)+$/, /a+b/g])
    t.ok(findSlow(patternOf(pattern), LONG / 4), String(pattern))
  for (const pattern of [/^[a-z]+$/, /@|%40/, /^Basic +(\S+)$/i, /[^a-z]/g, /\d{1,5}$/])
    t.equal(findSlow(patternOf(pattern)), undefined, String(pattern))
  t.end()
})

await t.test('no pattern in the source takes the square of a length, at 64 KiB', (t) => {
  const every = SOURCES.flatMap((file) => expressionsIn(read(file)))
  t.ok(every.length > 150, `${every.length} patterns`)
  t.strictSame(
    every.flatMap((found) => findSlow(found) ?? []),
    [],
  )
  t.end()
})

await t.test('none is put together where its pattern cannot be read off', (t) => {
  t.strictSame(
    SOURCES.flatMap((file) => constructionsIn(read(file))),
    // Of names that are written down next to it.
    ['store/transfer/draft.ts', 'store/transfer/output-file.ts'],
  )
  t.end()
})
