import { readFileSync, writeFileSync } from 'node:fs'
import { withSettings } from '../test/fixtures/documents/settings-page.ts'

// Writes the lists of settings into docs/settings.md; a test compares the two.
const file = new URL('../docs/settings.md', import.meta.url)
writeFileSync(file, withSettings(readFileSync(file, 'utf8')))
