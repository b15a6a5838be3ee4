import { dirname, resolve } from 'node:path'
import { didYouMean } from '../domain/refusals/nearest.ts'
import { pathsFrom } from './paths-in-file.ts'
import { type FileLine, readConfigFile } from './read-config-file.ts'
import { SETTINGS } from './settings.ts'
import type { SettingSource } from './show-setting.ts'

type Texts = Readonly<Record<string, string | undefined>>

const NAMES = Object.keys(SETTINGS)
const PREFIX = 'TESSERA_'

const isSetting = (name: string): boolean => Object.hasOwn(SETTINGS, name)

/** What is said of settings, before any of it is read. */
export interface Given {
  readonly given: Texts
  readonly sourceOf: (name: string) => SettingSource
  /** Of the configuration file, absolute. */
  readonly folder: string
  /** What the file alone says, in its own words. */
  readonly atRisk: Texts
  /** What is wrong with names, one line each. */
  readonly faults: string[]
}

/** Reads what environment and file say of settings; other names are for other programs. @throws ConfigurationFaults */
export function readGiven(environment: Texts, file: string | undefined): Given {
  const folder = dirname(resolve(file ?? ''))
  const lines = file === undefined ? [] : readConfigFile(file)
  const inFile = Object.fromEntries(lines.filter(({ name }) => isOurs(name)).map(({ name, value }) => [name, value]))
  const inEnvironment = Object.fromEntries(Object.entries(environment).filter(([name]) => isOurs(name)))
  const unknown = new Set([...Object.keys(inFile), ...Object.keys(inEnvironment)].filter((name) => !isSetting(name)))
  return {
    given: { ...pathsFrom(folder, inFile), ...inEnvironment },
    sourceOf(name) {
      if (Object.hasOwn(inEnvironment, name)) return inEnvironment[name]?.trim() ? 'environment' : 'default'
      return inFile[name]?.trim() ? 'config file' : 'default'
    },
    folder,
    // What the environment says counts for itself, and hides what the file says.
    atRisk: { ...inFile, ...Object.fromEntries(Object.keys(inEnvironment).map((name) => [name, undefined])) },
    faults: [
      ...[...unknown].sort().map((name) => `${name} is not a setting${placeOf(name, lines, file)}${guess(name)}`),
      ...saidTwice(lines, file),
      ...misspelt(lines, file),
    ],
  }
}

const isOurs = (name: string): boolean => name.startsWith(PREFIX)

const guess = (name: string): string => didYouMean(name, NAMES) || LISTED
const LISTED = '; tessera settings and docs/settings.md list them all'

function placeOf(name: string, lines: readonly FileLine[], file: string | undefined): string {
  const line = lines.find((one) => one.name === name)?.line
  return line === undefined ? '' : ` (line ${line} of ${file})`
}

/** Which of the two was meant only its author can say. */
function saidTwice(lines: readonly FileLine[], file: string | undefined): string[] {
  const ours = lines.filter(({ name }) => isOurs(name))
  return [...new Set(ours.map(({ name }) => name))].flatMap((name) => {
    const at = ours.filter((one) => one.name === name).map(({ line }) => line)
    return at.length === 1
      ? []
      : [`${name} is set more than once in ${file}: lines ${at.join(', ')}; keep the line that is meant`]
  })
}

/** A name that is for nobody else, as it is one of ours but for a letter or two. */
const misspelt = (lines: readonly FileLine[], file: string | undefined): string[] =>
  lines
    .filter(({ name }) => !isOurs(name) && didYouMean(name, NAMES) !== '')
    .map(({ name, line }) => `${name} is not a setting (line ${line} of ${file})${didYouMean(name, NAMES)}`)
