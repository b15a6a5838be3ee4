import { readFileSync, writeFileSync } from 'node:fs'
import { withAttributes } from '../test/fixtures/documents/attributes-page.ts'

// Writes the tables of attributes into docs/apps.md; a test compares the two.
const file = new URL('../docs/apps.md', import.meta.url)
writeFileSync(file, withAttributes(readFileSync(file, 'utf8')))
