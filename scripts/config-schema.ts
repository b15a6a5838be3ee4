import { mkdirSync, writeFileSync } from 'node:fs'
import { fileSchema } from '../src/configuration/file-schema.ts'

// Writes the JSON Schema of configuration files from the attributes; a test compares the two.
const folder = new URL('../schema/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('tessera.schema.json', folder), `${JSON.stringify(fileSchema(), undefined, 2)}\n`)
