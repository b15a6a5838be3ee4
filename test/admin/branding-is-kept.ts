// SQLite alone: brings files of its own along; a table that is restored or moved is so on both
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { storedName } from '../../src/domain/instance/instance-settings.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { documentOf, tesseraWith } from '../fixtures/cli/cli.ts'
import { emptySite, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const BRAND = {
  BrandColor: '#0e5a64',
  BrandColorDark: '#ffd27a',
  PageWall: '#123456',
  PageLogo: `data:image/png;base64,${PIXEL}`,
  FooterLinks: 'Imprint https://example.com/imprint',
}

const site = await prepareSite(t)
const done = async (t: Test, { tessera }: Site, ...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await tessera(args)
  t.equal(code, 0, stderr)
}

/** What the settings say, and what a person sees. */
async function isBranded(t: Test, at: Site): Promise<void> {
  t.match(await documentOf(at.tessera(['export', '--json'])), { settings: BRAND })
  const server = await serve(t, at)
  const { page } = await createBrowser(at.origin).open(`${at.settings['TESSERA_ISSUER']}/logout/signed-out`)
  const fetched = async (selector: string, attribute: string): Promise<Response> =>
    fetch(`${at.origin}${page.querySelector(selector)?.getAttribute(attribute)}`)
  const sheet = await (await fetched('link[href*="/brand/style.css"]', 'href')).text()
  for (const color of [BRAND.BrandColor, BRAND.BrandColorDark, BRAND.PageWall]) t.match(sheet, color)
  const logo = await (await fetched('.brand img', 'src')).arrayBuffer()
  t.equal(Buffer.from(logo).toString('base64'), PIXEL)
  t.equal(page.querySelector('footer a.own')?.getAttribute('href'), 'https://example.com/imprint')
  server.kill('SIGTERM')
  await server.ended()
}

for (const [name, value] of Object.entries(BRAND)) await done(t, site, 'settings', 'set', name, value)
const backup = join(site.folder, 'backup.db')
await done(t, site, 'db', 'backup', backup)

await t.test('branding is as it was in the backup once that is restored', async (t) => {
  for (const name of Object.keys(BRAND)) await done(t, site, 'settings', 'unset', name)
  await done(t, site, 'db', 'restore', backup, '--replace')
  await isBranded(t, site)
})

await t.test('and it outlives an update of a database that an older version made', async (t) => {
  const old = await emptySite(t)
  const place = openPlace(`file:${join(old.folder, 'tessera.db')}`, 'make')
  await place.migrations.migrate('0010-lists')
  for (const [name, value] of Object.entries(BRAND)) {
    const row = { name: storedName(name as keyof typeof BRAND), value }
    await place.db.insertInto('settings').values(row).execute()
  }
  await place.close()
  await done(t, old, 'db', 'migrate')
  await isBranded(t, old)
})

await t.test('and goes along to another database', async (t) => {
  const to = `file:${join(site.folder, 'elsewhere.db')}`
  const file = join(site.folder, 'to')
  writeFileSync(file, `${to}\n`)
  chmodSync(file, 0o600)
  await done(t, site, 'db', 'move', '--to-url-file', file)
  const settings = { ...site.settings, TESSERA_DATABASE_URL: to }
  await isBranded(t, { ...site, settings, tessera: tesseraWith(settings) })
})
