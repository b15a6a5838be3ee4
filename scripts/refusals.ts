import { mkdirSync, writeFileSync } from 'node:fs'
import { startPlace } from '../test/fixtures/documents/mistakes/apps-of-mistakes.ts'
import { documentOf, makeMistakes } from '../test/fixtures/documents/mistakes/document.ts'

// Makes typical mistakes over real HTTP and writes docs/refusals.md from the answers; a test compares the two.
const endings: (() => unknown)[] = []
try {
  const place = await startPlace({ teardown: (end) => void endings.push(end) })
  const made = await makeMistakes(place)
  const folder = new URL('../docs/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL('refusals.md', folder), documentOf(made, place.instance))
  console.log(`docs/refusals.md: ${made.length} mistakes`)
} finally {
  for (const end of endings) await end()
}
