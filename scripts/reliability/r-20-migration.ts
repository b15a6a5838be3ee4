import { existsSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { startCommand } from './lib/command.ts'
import { ask, integrityOf } from './lib/database.ts'
import { startPostgres } from './lib/postgres.ts'
import type { Run } from './lib/run.ts'
import { whenStarted } from './lib/when-started.ts'

const SCHEMA = "select type, name, sql from sqlite_schema where name not like 'sqlite_%' order by type, name"
const MIGRATE = ['db', 'migrate', '--json'] as const

type Settings = Readonly<Record<string, string>>

interface Place {
  readonly settings: Settings
  readonly databaseUrl: string
  readonly file: string
}

function placeIn(folder: string): Place {
  const data = mkdtempSync(join(folder, 'data-'))
  const file = join(data, 'tessera.db')
  return { settings: { TESSERA_DATA_DIR: data }, databaseUrl: `file:${file}`, file }
}

async function migrate(settings: Settings): Promise<string[]> {
  const { code, stdout, stderr } = await startCommand(MIGRATE, settings).ended
  if (code !== 0) throw new Error(`db migrate: exit code ${code}: ${stderr}`)
  return (JSON.parse(stdout) as { migrated: string[] }).migrated
}

const schemaOf = async (place: Place): Promise<string> => JSON.stringify(await ask(place, SCHEMA))

/** Starts a migration, and waits until it has made the file. */
async function begin(place: Place) {
  const command = startCommand(MIGRATE, place.settings)
  let over = false
  void command.ended.then(() => {
    over = true
  })
  while (!existsSync(place.file) && !over) await delay(1)
  return command
}

/** @returns milliseconds from the making of the file to the end of the process */
async function timeOne(place: Place): Promise<number> {
  const { ended } = await begin(place)
  const started = performance.now()
  await ended
  return performance.now() - started
}

/** Kills a migration in the middle of its work. @returns what it left: nothing, everything, or something between */
async function interrupt(run: Run, place: Place, whole: string, within: number): Promise<'old' | 'new' | 'between'> {
  const { child, ended } = await begin(place)
  await delay(run.random() * within)
  child.kill('SIGKILL')
  await ended
  const schema = existsSync(place.file) ? await schemaOf(place) : '[]'
  if (schema === whole) return 'new'
  const tables = JSON.parse(schema) as { name: string }[]
  const own = tables.filter(({ name }) => !name.includes('kysely_migration'))
  if (own.length === 0) return 'old'
  run.say(`between: ${own.map(({ name }) => name).join(' ')}`)
  return 'between'
}

/** Two processes migrate one database. @returns how many of them say that they did it */
async function together(settings: Settings): Promise<number> {
  const both = await Promise.all([migrate(settings), migrate(settings)])
  return both.filter((migrated) => migrated.length > 0).length
}

export const check = defineCheck({
  id: 'R-20',
  what: 'tessera db migrate is killed with kill -9 in the middle; two processes migrate the same database at once',
  required:
    'the schema is the old one or the new one, never between, and the next start finishes it; exactly one of two migrates',
  async run(run, { kills, pairs }) {
    const folder = run.scratch()
    const reference = placeIn(folder)
    const within = await timeOne(reference)
    const whole = await schemaOf(reference)

    const left = { old: 0, new: 0, between: 0 }
    let unfinished = 0
    for (let round = 0; round < kills; round++) {
      const place = placeIn(folder)
      left[await interrupt(run, place, whole, within)]++
      await migrate(place.settings)
      if ((await schemaOf(place)) !== whole || (await integrityOf(place)) !== 'ok') unfinished++
    }
    run.told('killed', kills)
    run.told('left the old schema', left.old)
    run.told('left the new schema', left.new)
    run.none('left something between', left.between)
    run.none('not whole after the next migration', unfinished)

    const server = await startPostgres(run)
    let wrong = 0
    for (let round = 0; round < pairs; round++) {
      const url = await server.createDatabase()
      if ((await together(placeIn(folder).settings)) !== 1) wrong++
      if ((await together({ TESSERA_DATABASE_URL: url, TESSERA_DATA_DIR: folder })) !== 1) wrong++
    }
    run.told('pairs of processes at once, on SQLite and on PostgreSQL', 2 * pairs)
    run.none('pairs of which not exactly one migrated', wrong)
  },
})

await whenStarted(import.meta.url, check)
