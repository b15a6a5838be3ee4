import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A database that tests run on, for as long as it is not closed. */
export interface Running {
  readonly environment: NodeJS.ProcessEnv
  /** Lets this process end without `close`; the database goes with it. */
  leave(): void
  close(): Promise<void>
}

/**
 * SQLite comes with every test: a file in a folder of its own.
 * @param scratch folder for what tests write
 */
export function openSqlite(scratch: string): Running {
  const { TESSERA_TEST_POSTGRES: _, ...environment } = process.env
  return { environment: { ...environment, TMPDIR: scratch }, leave: () => undefined, close: async () => undefined }
}

/** The server that the environment names, or else a new one that keeps its data there as well. */
export async function openPostgres(scratch: string): Promise<Running> {
  const environment = { ...process.env, TMPDIR: scratch }
  if (process.env['TESSERA_TEST_POSTGRES']) return { environment, leave: () => undefined, close: async () => undefined }
  const script = fileURLToPath(new URL('postgres-server.ts', import.meta.url))
  // In a process group of its own, so that Ctrl+C ends the tests first; it ends by itself when this process does.
  const server = spawn(process.execPath, ['--import', 'tsx', script], {
    detached: true,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(server, 'exit')
  const url = await Promise.race([urlFrom(server), ended.then(() => Promise.reject(new Error('no PostgreSQL')))])
  return {
    environment: { ...environment, TESSERA_TEST_POSTGRES: url },
    leave() {
      server.unref()
      server.channel?.unref()
    },
    async close() {
      server.disconnect()
      await ended
    },
  }
}

const urlFrom = async (server: ChildProcess): Promise<string> => String((await once(server, 'message'))[0])
