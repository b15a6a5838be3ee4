import { spawn } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { environment, plainTessera, tesseraWith } from '../fixtures/cli/cli.ts'
import { addApp, prepareSite, type Site } from '../fixtures/instance/server-process.ts'
import { query } from '../fixtures/store/database.ts'

type Stream = 'stdout' | 'stderr'

/** The exit code of a command of which nobody reads these streams. */
const codeUnread = ({ settings }: Pick<Site, 'settings'>, streams: readonly Stream[], args: readonly string[]) =>
  new Promise<number | null>((resolve) => {
    const child = spawn(...plainTessera(...args), {
      env: environment(settings),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of ['stdout', 'stderr'] as const)
      if (streams.includes(stream)) child[stream].destroy()
      else child[stream].resume()
    child.on('close', resolve)
  })

/** An instance with something in several tables, each of which a command says a line about. */
async function inhabited(t: Test): Promise<Site> {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'svc.sync', '--type', 'SystemUserNoLogin'])
  const mac = ['--set', 'TokenEndpointAuthMethod=client_secret_jwt']
  await addApp(site, 'my.trusted.app/sync', '--service', '--system-user', 'svc.sync', '--scope', 'read', ...mac)
  await site.tessera(['key', 'rotate'])
  return site
}

const WAYS: readonly (readonly Stream[])[] = [['stderr'], ['stdout'], ['stdout', 'stderr']]

await t.test('key reseal ends with every row under the new key, whoever reads what it says', async (t) => {
  for (const streams of WAYS) {
    const site = await inhabited(t)
    t.equal(await codeUnread(site, streams, ['key', 'reseal', '--yes']), 0, streams.join())
    t.equal(readFileSync(join(site.folder, 'master.key'), 'utf8').trim().split('\n').length, 2)
    const again = await site.tessera(['key', 'reseal', '--json'])
    t.match(JSON.parse(again.stdout), { changed: false }, 'nothing was left to do')
    t.equal((await query(site, "select 1 from audit_events where event = 'master_key_changed'")).length, 1)
  }
})

await t.test('db move ends where it was to end, whoever reads what it says', async (t) => {
  for (const streams of WAYS) {
    const site = await inhabited(t)
    const url = `file:${join(site.folder, 'moved.db')}`
    const folder = t.testdir({ url: `${url}\n` })
    chmodSync(join(folder, 'url'), 0o600)
    t.equal(await codeUnread(site, streams, ['db', 'move', '--to-url-file', join(folder, 'url')]), 0, streams.join())
    const moved = tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: url })
    t.match(await moved(['app', 'list']), { code: 0, stdout: /my\.trusted\.app\/sync/ })
    t.match(await site.tessera(['user', 'add', 'late', '--generate-password']), { code: 1, stderr: /moved/ })
  }
})

await t.test('a command that fails says so by its exit code, whoever reads what it says', async (t) => {
  const site = await prepareSite(t)
  for (const streams of WAYS) t.equal(await codeUnread(site, streams, ['app', 'enable', 'nope']), 1, streams.join())
})

await t.test('a long list ends early and quietly where its reader is gone', async (t) => {
  const site = await inhabited(t)
  t.equal(await codeUnread(site, ['stdout'], ['audit', 'export']), 0)
})
