import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import { ConfigurationRefused } from '../schema/fault.ts'
import { isRecord, type Source } from '../schema/source.ts'
import { SLIPS } from './yaml-messages.ts'

/** A file as it was read. */
export interface SourceText {
  readonly file: string
  readonly text: string
}

/**
 * Parses YAML 1.2 or JSON, which is a part of it; a doubled key, a tag and a second document are faults.
 * What the parser says is never repeated, for it may quote a secret.
 * @throws ConfigurationRefused
 */
export function parseSource({ file, text }: SourceText): Source {
  const lines = new LineCounter()
  const documents = withinDepth(file, () =>
    parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'silent' }),
  )
  const [document, second] = Array.isArray(documents) ? documents : []
  if (!document) return { file, content: {}, lineOf: () => undefined }
  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    const { line, col: column } = lines.linePos(pos[0])
    return { file, line, column, reason: `is neither YAML nor JSON here: ${SLIPS[code]}` }
  })
  // One slip makes the parser stumble over everything after it.
  if (faults[0]) throw new ConfigurationRefused([faults[0]])
  if (second) throw new ConfigurationRefused([{ file, reason: 'holds several documents; one is expected' }])
  const content = contentOf(document, file)
  return {
    file,
    content,
    lineOf: (path) => {
      const node = document.getIn(path, true) as { range?: readonly number[] | null } | undefined
      const start = node?.range?.[0]
      return start === undefined ? undefined : lines.linePos(start).line
    },
  }
}

/** The parser goes down a level with each level of the text, and ends where the stack does. */
function withinDepth<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ConfigurationRefused([{ file, reason: 'is nested far too deep' }])
  }
}

function contentOf(document: Document, file: string): Readonly<Record<string, unknown>> {
  const content = resolveAliases(document, file)
  if (content === null || content === undefined) return {}
  if (isRecord(content)) return content
  throw new ConfigurationRefused([{ file, reason: 'expects apps, users, resources and settings at its top' }])
}

function resolveAliases(document: Document, file: string): unknown {
  try {
    return withinDepth(file, () => document.toJS({ maxAliasCount: 1000 }) as unknown)
  } catch (error) {
    if (error instanceof ConfigurationRefused) throw error
    throw new ConfigurationRefused([{ file, reason: 'holds an alias without its anchor, or far too many aliases' }])
  }
}
