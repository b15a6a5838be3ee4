import {
  INSTANCE_SETTING_NAMES,
  INSTANCE_SETTINGS,
  type InstanceSettingName,
} from '../../domain/instance/instance-settings.ts'
import type { ConfigurationFault, Kind } from '../schema/fault.ts'
import { complaintsOf } from '../schema/fields.ts'
import { type FileRecord, gatherRecords } from '../schema/records.ts'
import { parseSource, type SourceText } from './parse-source.ts'
import { type Read, type Reading, readApp, type WantedApp } from './read-app.ts'
import { readResource, type WantedResource } from './read-resource.ts'
import { readUser, type WantedUser } from './read-user.ts'

/** A setting as a file wants it. */
export interface WantedSetting {
  readonly record: FileRecord
  readonly name: InstanceSettingName
  /** `null` for its default. */
  readonly value: string | null
}

/** What the files want of an instance. */
export interface Wanted {
  /** The kinds that the files speak of; others are left alone. */
  readonly kinds: ReadonlySet<Kind>
  readonly resources: readonly WantedResource[]
  readonly users: readonly WantedUser[]
  readonly apps: readonly WantedApp[]
  readonly settings: readonly WantedSetting[]
}

/** Reads files that belong together, as far as they can be read, with everything that is wrong with them. */
export function readFiles(
  texts: readonly SourceText[],
  reading: Reading,
): { wanted: Wanted; faults: readonly ConfigurationFault[] } {
  const parsed = texts.map(parseSource)
  const gathered = gatherRecords(
    parsed.flatMap(({ source }) => source ?? []),
    reading.suggest,
  )
  const read = <T>(kind: Kind, how: (record: FileRecord, reading: Reading) => Read<T>): Read<T>[] =>
    gathered.records.filter((record) => record.kind === kind).map((record) => how(record, reading))
  const resources = read('resource', readResource)
  const users = read('user', readUser)
  const apps = read('app', readApp)
  const settings = read('setting', readSetting)
  const present = <T>(records: readonly Read<T>[]): T[] => records.flatMap(({ wanted }) => wanted ?? [])
  return {
    wanted: {
      kinds: gathered.kinds,
      resources: present(resources),
      users: present(users),
      apps: present(apps),
      settings: present(settings),
    },
    faults: [...parsed, gathered, ...resources, ...users, ...apps, ...settings].flatMap((part) => part.faults),
  }
}

function readSetting(record: FileRecord, { suggest }: Reading): Read<WantedSetting> {
  const { complain, faults } = complaintsOf(record)
  const { value } = record.fields
  const name = INSTANCE_SETTING_NAMES.find((known) => known === record.id)
  if (name === undefined) {
    const hint = suggest(record.id, INSTANCE_SETTING_NAMES) || `; expected: ${INSTANCE_SETTING_NAMES.join(', ')}`
    complain(undefined, `is not a setting${hint}`)
    return { wanted: undefined, faults }
  }
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' || text === null) return { wanted: { record, name, value: text }, faults }
  complain(undefined, `expects ${INSTANCE_SETTINGS[name].expects}`)
  return { wanted: undefined, faults }
}
