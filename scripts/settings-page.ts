import { readFileSync, writeFileSync } from 'node:fs'
import { settingsList, withSettingsList } from '../test/fixtures/documents/settings-page.ts'

// Writes the list of settings into docs/settings.md; a test compares the two.
const file = new URL('../docs/settings.md', import.meta.url)
writeFileSync(file, withSettingsList(readFileSync(file, 'utf8'), settingsList()))
