// SQLite alone: the demo keeps its data in a file
import { join } from 'node:path'
import t from 'tap'
import { tesseraWith } from '../fixtures/cli/cli.ts'
import { demoFolder, demoPorts, startDemo } from '../fixtures/cli/demo.ts'
import { eventually } from '../fixtures/instance/eventually.ts'

interface Session {
  readonly id: string
  readonly user: string
  readonly app: string
  readonly lastUsedAt: string
}

await t.test('a session appears, slides and ends in tessera session list', async (t) => {
  const { folder, remove } = demoFolder()
  const demo = await startDemo(folder, await demoPorts())
  t.teardown(async () => {
    await demo.stop()
    remove()
  })
  t.match(demo.output(), /TESSERA_DATA_DIR='.*' npx tessera session list/)
  const tessera = tesseraWith({
    TESSERA_DATA_DIR: folder,
    TESSERA_DATABASE_URL: `file:${join(folder, 'tessera.db')}`,
  })
  const listed = async (): Promise<Session | undefined> => {
    const { code, stdout, stderr } = await tessera(['session', 'list', '--json'])
    if (code !== 0) throw new Error(stderr)
    return (JSON.parse(stdout) as Session[])[0]
  }
  await demo.printed(/svc\.sync {2}200/)
  const appeared = await listed()
  t.match(appeared, { user: 'svc.sync', app: 'demo.tessera/sync' })
  const slid = await eventually(listed, (session) => session?.lastUsedAt !== appeared?.lastUsedAt, 30_000)
  t.equal(slid?.id, appeared?.id)
  t.ok((slid?.lastUsedAt ?? '') > (appeared?.lastUsedAt ?? ''))
  t.equal((await tessera(['session', 'end', appeared?.id ?? '', '--with-tokens'])).code, 0)
  await demo.printed(/svc\.sync {2}401 {2}invalid_token/)
  const next = await eventually(listed, (session) => session !== undefined, 30_000)
  t.ok(next !== undefined && next.id !== appeared?.id, 'the service fetched a new token and has a new session')
})
