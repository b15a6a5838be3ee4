import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import type { ConfigurationFault } from '../schema/fault.ts'
import { isRecord, type Source } from '../schema/source.ts'
import { YAML_MESSAGES } from './yaml-messages.ts'

/** A file as it was read. */
export interface SourceText {
  readonly file: string
  readonly text: string
}

/** A file as it was understood, or why it was not. */
interface Parsed {
  readonly source?: Source
  readonly faults: readonly ConfigurationFault[]
}

/**
 * Parses YAML 1.2 or JSON, which is a part of it; a doubled key, a tag and a second document are faults.
 * What the parser says is never repeated, for it may quote a secret.
 */
export function parseSource({ file, text }: SourceText): Parsed {
  const refuse = (reason: string): Parsed => ({ faults: [{ file, reason }] })
  const lines = new LineCounter()
  const documents = documentsIn(text, lines)
  if (documents === undefined) return refuse(TOO_DEEP)
  const [document, second] = Array.isArray(documents) ? documents : []
  if (!document) return { source: { file, content: {}, lineOf: () => undefined }, faults: [] }
  // One mistake makes the parser stumble over everything after it.
  const [problem] = [...document.errors, ...document.warnings]
  if (problem) {
    const { line, col: column } = lines.linePos(problem.pos[0])
    return {
      faults: [{ file, line, column, reason: `is not valid YAML or JSON here: ${YAML_MESSAGES[problem.code]}` }],
    }
  }
  if (second) return refuse('contains several documents; only one is allowed')
  const content = contentOf(document)
  if (typeof content === 'string') return refuse(content)
  const lineOf: Source['lineOf'] = (path) => {
    const node = document.getIn(path, true) as { range?: readonly number[] | null } | undefined
    const start = node?.range?.[0]
    return start === undefined ? undefined : lines.linePos(start).line
  }
  return { source: { file, content, lineOf }, faults: [] }
}

const TOO_DEEP = 'is nested far too deep'

/** The parser goes down a level with each level of the text, and ends where the stack does. */
function documentsIn(text: string, lineCounter: LineCounter) {
  try {
    return parseAllDocuments(text, { lineCounter, prettyErrors: false, merge: true, logLevel: 'silent' })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** @returns what is wrong with it, in words, where it is no record */
function contentOf(document: Document): Readonly<Record<string, unknown>> | string {
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 1000 })
  } catch (error) {
    return error instanceof RangeError ? TOO_DEEP : 'contains an alias without its anchor, or far too many aliases'
  }
  if (content === null || content === undefined) return {}
  return isRecord(content) ? content : 'expects apps, users, resources and settings at its top'
}
