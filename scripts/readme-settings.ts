import { readFileSync, writeFileSync } from 'node:fs'
import { settingsTable, withSettingsTable } from '../test/fixtures/readme.ts'

// Writes the table of settings into the README; a test compares the two.
const file = new URL('../README.md', import.meta.url)
writeFileSync(file, withSettingsTable(readFileSync(file, 'utf8'), settingsTable()))
