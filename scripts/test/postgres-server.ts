// Run as a process of its own, by `npm test` or by hand: a PostgreSQL server for tests, gone without a trace when it ends.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/fixtures/instance/ports.ts'
import { loadEmbeddedPostgres } from './embedded-postgres.ts'

// What a test writes need not outlive a power cut.
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300']

const folder = mkdtempSync(join(tmpdir(), 'tessera-postgres-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
// PostgreSQL does not run as root; the account that it gets instead must reach its data.
chmodSync(folder, 0o755)

const EmbeddedPostgres = await loadEmbeddedPostgres(folder)
const port = await freePort()
const password = randomBytes(12).toString('hex')
const said: unknown[] = []
const server = new EmbeddedPostgres({
  databaseDir: join(folder, 'data'),
  port,
  user: 'postgres',
  password,
  createPostgresUser: process.getuid?.() === 0,
  persistent: false,
  initdbFlags: ['--locale=C.UTF-8', '--encoding=UTF8'],
  postgresFlags: FAST.flatMap((setting) => ['-c', setting]),
  onLog: (line) => said.push(line),
  onError: (line) => said.push(line),
})

async function stop(): Promise<void> {
  await server.stop()
  process.exit(0)
}

try {
  await server.initialise()
  await server.start()
} catch (error) {
  process.stderr.write(`PostgreSQL does not start: ${String(error)}\n${said.join('')}`)
  process.exit(1)
}

const url = `postgres://postgres:${password}@localhost:${port}/postgres`
if (process.send) {
  process.send(url)
  // However the tests end, this notices it.
  process.on('disconnect', () => void stop())
  if (!process.connected) await stop()
} else {
  process.stdout.write(`export TESSERA_TEST_POSTGRES=${url}\n`)
  process.stderr.write(
    'PostgreSQL runs until Ctrl+C. In another terminal, after the line above: npx tap test/story.ts\n',
  )
}
