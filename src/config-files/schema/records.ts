import { nameOfAccount } from '../../domain/users/user.ts'
import type { ConfigurationFault, Kind, Place } from './fault.ts'
import { isRecord, type Source } from './source.ts'

/** Asks "did you mean" with the name most like the one given, or says nothing. */
export type Suggest = (given: string, names: readonly string[]) => string

/** One record of a file, its attributes not yet read. */
export interface FileRecord {
  readonly kind: Kind
  readonly id: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly placeOf: (attribute?: string) => Place
}

/** Everything that files say, and which kinds they speak of at all. */
export interface FileRecords {
  readonly records: readonly FileRecord[]
  readonly kinds: ReadonlySet<Kind>
  readonly faults: readonly ConfigurationFault[]
}

interface Section {
  readonly name: string
  readonly kind: Exclude<Kind, 'setting'>
  /** The attribute that names a record. */
  readonly key: string
  /** One spelling for all that mean the same record. */
  readonly canonical: (id: string) => string
}

const asWritten = (id: string): string => id

const LISTS: readonly Section[] = [
  { name: 'apps', kind: 'app', key: 'ApplicationUri', canonical: asWritten },
  { name: 'users', kind: 'user', key: 'login', canonical: nameOfAccount },
  { name: 'resources', kind: 'resource', key: 'Identifier', canonical: asWritten },
]

// `$schema` is for editors.
const TOP = [...LISTS.map(({ name }) => name), 'settings', '$schema']

/** Takes the records out of files that belong together; the same one twice is a fault. */
export function gatherRecords(sources: readonly Source[], suggest: Suggest): FileRecords {
  const found = sources.flatMap((source) => [
    unknownSections(source, suggest),
    ...LISTS.map((section) => listedIn(source, section)),
    settingsIn(source),
  ])
  const records = found.flatMap((part) => part.records)
  return {
    records,
    kinds: new Set(found.flatMap(({ kind }) => (kind === undefined ? [] : [kind]))),
    faults: [...found.flatMap((part) => part.faults), ...saidTwice(records)],
  }
}

interface Found {
  /** Only where the file speaks of it: a heading with nothing below it says nothing. */
  readonly kind: Kind | undefined
  readonly records: readonly FileRecord[]
  readonly faults: readonly ConfigurationFault[]
}

function unknownSections({ file, content, lineOf }: Source, suggest: Suggest): Found {
  const unknown = Object.keys(content).filter((name) => !TOP.includes(name))
  const faults = unknown.map((name) => {
    const hint = suggest(name, TOP) || '; expected: apps, users, resources and settings'
    return { file, line: lineOf([name]), reason: `${JSON.stringify(name)} is unknown${hint}` }
  })
  return { kind: undefined, records: [], faults }
}

function listedIn({ file, content, lineOf }: Source, { name, kind, key }: Section): Found {
  const entries = content[name]
  if (entries === undefined || entries === null) return { kind: undefined, records: [], faults: [] }
  if (!Array.isArray(entries)) {
    return { kind, records: [], faults: [{ file, line: lineOf([name]), reason: `${name} expects a list of records` }] }
  }
  const read = entries.map((fields: unknown, index): FileRecord | ConfigurationFault => {
    const line = lineOf([name, index])
    if (!isRecord(fields)) return { file, line, kind, reason: 'expects a record of attributes and their values' }
    const id = fields[key]
    if (typeof id !== 'string' || id === '') {
      return { file, line, kind, attribute: key, reason: 'is required, as a text: it names the record' }
    }
    const placeOf = (attribute?: string): Place => ({
      file,
      line: (attribute === undefined ? undefined : lineOf([name, index, attribute])) ?? line,
    })
    return { kind, id, fields, placeOf }
  })
  return {
    kind,
    records: read.filter((entry) => 'placeOf' in entry),
    faults: read.filter((entry) => 'reason' in entry),
  }
}

function settingsIn({ file, content, lineOf }: Source): Found {
  const { settings } = content
  if (settings === undefined || settings === null) return { kind: undefined, records: [], faults: [] }
  if (!isRecord(settings)) {
    const reason = 'settings expects names and values'
    return { kind: 'setting', records: [], faults: [{ file, line: lineOf(['settings']), reason }] }
  }
  const records = Object.entries(settings).map(
    ([id, value]): FileRecord => ({
      kind: 'setting',
      id,
      fields: { value },
      placeOf: () => ({ file, line: lineOf(['settings', id]) }),
    }),
  )
  return { kind: 'setting', records, faults: [] }
}

/** Under one key all spellings of a record's name. */
export const identityOf = (kind: Kind, id: string): string =>
  `${kind} ${LISTS.find((section) => section.kind === kind)?.canonical(id) ?? id}`

function saidTwice(records: readonly FileRecord[]): ConfigurationFault[] {
  const first = new Map<string, FileRecord>()
  return records.flatMap((record) => {
    const { kind, id, placeOf } = record
    const identity = identityOf(kind, id)
    const earlier = first.get(identity)
    if (!earlier) first.set(identity, record)
    if (!earlier) return []
    const { file, line } = earlier.placeOf()
    return [
      { ...placeOf(), kind, id, reason: `is described already in ${file}${line === undefined ? '' : `:${line}`}` },
    ]
  })
}
