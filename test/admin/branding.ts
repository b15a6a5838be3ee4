import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isProblem, startAdminApi } from '../fixtures/admin/admin.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const admin = await startAdminApi(instance)
const tessera = tesseraOn(instance)

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const LOGO = `data:image/png;base64,${PIXEL}`

/** A page some seconds after whatever was changed before. */
async function page() {
  instance.advance(5_000)
  return createBrowser(instance.origin).open(`${instance.issuer}/logout/signed-out`)
}

const set = (name: string, value: string) => tessera(['settings', 'set', name, value])

async function sheet(t: Test): Promise<string> {
  const { page: html } = await page()
  const href = html.querySelector('link[href*="/brand/style.css?v="]')?.getAttribute('href')
  t.ok(href, 'the page has a sheet of the instance')
  const answer = await fetch(`${instance.origin}${href}`)
  t.match(answer.headers.get('content-type'), 'text/css')
  return answer.text()
}

await t.test('as it comes, a page has no sheet, logo or links of the instance', async (t) => {
  const { page: html, text } = await page()
  t.notMatch(text, /\/brand\//)
  t.strictSame(html.querySelectorAll('footer a.own'), [])
  for (const path of ['style.css', 'logo']) t.equal((await fetch(`${instance.issuer}/brand/${path}`)).status, 404)
})

await t.test('a colour that cannot be read is refused with the figure and the nearest that would do', async (t) => {
  const refused = await set('BrandColor', '#79C9C2')
  t.equal(refused.code, 2)
  t.match(
    refused.stderr,
    /BrandColor: has a contrast of 1\.\d\d to 1 where 4\.5 is needed; the nearest that would do is #[0-9a-f]{6}/,
  )
  const nearest = /#[0-9a-f]{6}$/m.exec(refused.stderr)?.[0] ?? ''
  t.equal((await set('BrandColor', nearest)).code, 0, 'and it does')
  const byDay = await sheet(t)
  t.match(byDay, `--brand: ${nearest};`)
  t.match(
    byDay,
    /@media \(prefers-color-scheme: dark\) \{\n:root \{\n {2}--brand: #[0-9a-f]{6};/,
    'and one for the night',
  )
  t.match((await set('BrandColorDark', '#0e5a63')).stderr, /nearest that would do is #/)
  t.match((await set('BrandColor', 'teal')).stderr, /BrandColor: expects standard, or a colour such as #0e5a63/)
  t.equal((await set('BrandColorDark', '#ffd27a')).code, 0)
  t.match(await sheet(t), '--brand: #ffd27a;')
})

await t.test('the wall is a colour, and a logo is a picture of a bounded size', async (t) => {
  t.equal((await set('PageWall', '#123456')).code, 0)
  t.match(await sheet(t), /\.gate::before \{\n {2}background: #123456;/)
  const set1 = await set('PageLogo', LOGO)
  t.equal(set1.code, 0)
  t.ok(set1.stdout.length < 400, 'it is not poured out')
  const source = (await page()).page.querySelector('.brand img')?.getAttribute('src') ?? ''
  t.match(source, /^\/id\/brand\/logo\?v=[0-9a-f]{12}$/)
  const answer = await fetch(`${instance.origin}${source}`)
  t.equal(answer.headers.get('content-type'), 'image/png')
  t.equal(Buffer.from(await answer.arrayBuffer()).toString('base64'), PIXEL)
  const script = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>').toString('base64')
  const wrong = [
    `data:image/svg+xml;base64,${script}`,
    `data:image/png;base64,${script}`,
    'https://example.com/logo.png',
    `data:image/png;base64,${Buffer.concat([Buffer.from(PIXEL, 'base64'), Buffer.alloc(64 * 1024)]).toString('base64')}`,
  ]
  for (const value of wrong) t.match((await set('PageLogo', value)).stderr, /PageLogo: expects standard, or a PNG/)
})

await t.test('links at the foot lead to https alone', async (t) => {
  const { json } = await admin.patch('/settings', {
    FooterLinks: 'Help & more https://help.example.com/?a=1; Imprint https://example.com/imprint',
  })
  t.ok(json['items'])
  t.strictSame(
    (await page()).page
      .querySelectorAll('footer a.own')
      .map((link) => [link.getAttribute('href'), link.getAttribute('rel')]),
    [
      ['https://help.example.com/?a=1', 'noopener noreferrer'],
      ['https://example.com/imprint', 'noopener noreferrer'],
    ],
  )
  for (const value of [
    'Help javascript:alert(1)',
    'Help http://example.com',
    '<b>x</b> https://example.com',
    'https://example.com',
  ])
    isProblem(t, instance, await admin.patch('/settings', { FooterLinks: value }), {
      status: 422,
      type: 'impossible-record',
    })
})

await t.test('the look is in the files of the instance, and another instance takes it over from there', async (t) => {
  const exported = (await tessera(['export'])).stdout
  for (const name of ['BrandColor', 'BrandColorDark', 'PageWall', 'PageLogo', 'FooterLinks'])
    t.match(exported, `${name}:`)
  const other = (await startWorld(t)).instance
  const file = join(other.folder, 'look.json')
  const settings = { PageWall: '#123456', PageLogo: LOGO, BrandColor: '#0e5a64' }
  writeFileSync(file, JSON.stringify({ settings }))
  t.equal((await tesseraOn(other)(['apply', file])).code, 0)
  t.match((await tesseraOn(other)(['plan', file])).stdout, /already matches/)
  other.advance(5_000)
  t.match(await (await fetch(`${other.issuer}/brand/style.css`)).text(), '--brand: #0e5a64')
})
