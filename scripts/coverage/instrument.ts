import { readdirSync, readFileSync } from 'node:fs'
import { insertWithHead } from './insertions.ts'
import { findProbes, type Probe } from './probes.ts'
import { tallyHead } from './tally.ts'

/** All sources of the server with probes in them. */
export interface Instrumented {
  readonly probes: readonly Probe[]
  /** By the path from the root of the project. */
  readonly texts: ReadonlyMap<string, string>
}

/** Every source of a folder, as a path from the root of the project. */
export const sourcesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path}`)
    .filter((path) => /(?<!\.d)\.ts$/.test(path) && !path.includes('/dist/'))
    .sort()

/** @param tallies the folder into which processes write what they reached */
export function instrument(files: readonly string[], tallies: string): Instrumented {
  const probes: Probe[] = []
  const found = files.map((file) => {
    const text = readFileSync(file, 'utf8')
    const probed = findProbes(file, text, probes.length)
    probes.push(...probed.probes)
    return { file, text, insertions: probed.insertions }
  })
  const head = tallyHead(tallies, probes.length)
  const texts = found
    .filter(({ insertions }) => insertions.length > 0)
    .map(({ file, text, insertions }) => [file, insertWithHead(text, head, insertions)] as const)
  return { probes, texts: new Map(texts) }
}
