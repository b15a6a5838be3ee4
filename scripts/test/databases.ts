import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A database that tests run on, for as long as it is not closed. */
export interface Running {
  readonly environment: NodeJS.ProcessEnv
  close(): Promise<void>
}

/** SQLite comes with every test: a file in a folder of its own. */
export function openSqlite(): Running {
  const { TESSERA_TEST_POSTGRES: _, ...environment } = process.env
  return { environment, close: async () => undefined }
}

/** The server that the environment names, or else a new one. */
export async function openPostgres(): Promise<Running> {
  if (process.env['TESSERA_TEST_POSTGRES']) return { environment: process.env, close: async () => undefined }
  const script = fileURLToPath(new URL('postgres-server.ts', import.meta.url))
  // In a process group of its own, so that Ctrl+C ends the tests first; it ends by itself when this process does.
  const server = spawn(process.execPath, ['--import', 'tsx', script], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(server, 'exit')
  const url = await Promise.race([urlFrom(server), ended.then(() => Promise.reject(new Error('no PostgreSQL')))])
  return {
    environment: { ...process.env, TESSERA_TEST_POSTGRES: url },
    async close() {
      server.disconnect()
      await ended
    },
  }
}

const urlFrom = async (server: ChildProcess): Promise<string> => String((await once(server, 'message'))[0])
