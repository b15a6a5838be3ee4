import { mkdirSync, writeFileSync } from 'node:fs'
import { schemaText } from '../test/fixtures/documents/schema-text.ts'

// Writes the JSON Schema of configuration files from the attributes; a test compares the two.
const folder = new URL('../schema/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('tessera.schema.json', folder), schemaText())
