import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import type { StagedRecords } from '../../domain/instance/staged-records.ts'
import { stagingOf } from '../repositories/instance/staging.ts'
import type { Schema } from '../schema/schema.ts'
import { repositoriesOn, type StagedWork, type Store } from '../store.ts'
import { createBallast } from './ballast.ts'
import { type FileWatch, identityOf, watchFile } from './file-watch.ts'
import { requireLocalDisk } from './local-disk.ts'
import { migrationsOf } from './migrations.ts'
import { immediateDialect, statementDialect } from './sqlite-dialect.ts'
import { loadSqlite } from './sqlite-library.ts'
import { BUSY_TIMEOUT, demandFullSync, OPENING_TIMEOUT, openIdleWriter, openWriter } from './sqlite-writer.ts'
import { isBusy, type Parts, READS, writingOn } from './sqlite-writing.ts'
import { unavailable } from './unavailable.ts'

// Pages; some are left free for what comes next.
const PAGES_AT_ONCE = 64
const PAGES_LEFT_FREE = 64

/** Does something again for as long as another process writes, while nothing is served yet. */
async function outwaitLocks<T>(work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - started > OPENING_TIMEOUT) throw error
      await delay(5 + 20 * Math.random())
    }
  }
}

function watchOpened(path: string, before: ReturnType<typeof identityOf>, connections: Database.Database[]): FileWatch {
  try {
    return watchFile(path, before)
  } catch (error) {
    for (const connection of connections) connection.close()
    throw error
  }
}

const DISK_IS_FULL =
  'the disk is full; until there is space again, only changes that end or remove something are written'

const NOTHING_TO_DO = (): void => undefined

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

/** On a connection of its own: what is laid down waits for nobody, and nobody for it. */
async function writeStaged<T>(
  path: string,
  parts: Pick<Parts, 'ballast' | 'file'>,
  records: StagedRecords,
  unit: StagedWork<T>,
): Promise<T> {
  const database = openWriter(path, 'find')
  try {
    // What is laid down is in no file.
    database.pragma('temp_store = MEMORY')
    const staging = stagingOf(records)
    await staging.lay(new Kysely<Schema>({ dialect: statementDialect(database, READS) }))
    const { write } = writingOn({ database, ...parts, beDurable: NOTHING_TO_DO })
    return await write((repositories, db) => unit(repositories, (now) => staging.putIn(db, now)))
  } finally {
    database.close()
  }
}

/**
 * Opens the embedded database: one connection that writes, one that reads.
 * @param missing whether a file that is missing is made, with its folder, or an error; one that is only to be read is not
 */
export function openSqlite(path: string, missing: 'make' | 'find' | 'read' = 'make'): Store {
  requireLocalDisk(path)
  const before = identityOf(path)
  const writerConnection = missing === 'read' ? openIdleWriter(path) : openWriter(path, missing)
  const readerConnection = new (loadSqlite())(path, { timeout: BUSY_TIMEOUT })
  readerConnection.pragma('query_only = ON')
  const file = watchOpened(path, before, [readerConnection, writerConnection])
  const reader = new Kysely<Schema>({ dialect: statementDialect(readerConnection, READS) })

  const migrations = migrationsOf(new Kysely<Schema>({ dialect: immediateDialect(writerConnection) }))
  const ballast = createBallast(dirname(path))
  const beDurable = missing === 'read' ? once(() => demandFullSync(writerConnection)) : NOTHING_TO_DO
  const { group, write: writeEnding } = writingOn({ database: writerConnection, ballast, file, beDurable })

  function requireDiskSpace(): void {
    if (ballast.isReleased()) throw unavailable({ code: 'SQLITE_FULL', message: DISK_IS_FULL })
  }

  return {
    read: repositoriesOn(reader),
    write: async (unit) => {
      requireDiskSpace()
      return writeEnding(unit)
    },
    writeEnding,
    // One process writes at a time, and within it one unit after the other.
    writeAlone: writeEnding,
    writeStaged: (records, unit) => writeStaged(path, { ballast, file }, records, unit),
    // Another connection of the same process would wait for this one, and this one for the process.
    writeStagedInTurn: async (records, unit) => {
      requireDiskSpace()
      const staging = stagingOf(records)
      return writeEnding(async (repositories, db) => {
        await staging.lay(db)
        const done = await unit(repositories, (now) => staging.putIn(db, now))
        await staging.sweep(db)
        return done
      })
    },
    requireDiskSpace,
    keepReserve: ballast.keep,
    migrations: {
      ...migrations,
      migrate: () =>
        outwaitLocks(async () => {
          if ((await migrations.status()).pending.length > 0) beDurable()
          return migrations.migrate()
        }),
    },
    compact: async () => {
      const free = Number(readerConnection.pragma('freelist_count', { simple: true }))
      if (free <= PAGES_LEFT_FREE) return false
      await group.write(async () => writerConnection.pragma(`incremental_vacuum(${PAGES_AT_ONCE})`))
      return free - PAGES_AT_ONCE > PAGES_LEFT_FREE
    },
    size: async () => {
      const pages = Number(readerConnection.pragma('page_count', { simple: true }))
      return pages * Number(readerConnection.pragma('page_size', { simple: true }))
    },
    whyLost: file.whyLost,
    ping: async () => {
      file.requireThere()
      readerConnection.prepare('select 1').get()
    },
    close: async () => {
      await group.finish()
      // Kysely would close only what it has asked something of.
      for (const connection of [readerConnection, writerConnection]) connection.close()
    },
  }
}
