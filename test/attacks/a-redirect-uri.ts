import t, { type Test } from 'tap'
import { attackGroup } from '../fixtures/attacks.ts'
import { createBrowser } from '../fixtures/browser.ts'
import { answerOf, authorize, PKCE } from '../fixtures/requests.ts'
import { authorizeUrl } from '../fixtures/sign-in.ts'
import { NATIVE, WEB, WEB_REDIRECT } from '../fixtures/world.ts'

await attackGroup(t, 'A. Authorize: redirect_uri', async ({ instance, attack }) => {
  /** A page of ours, which leads nowhere. */
  async function isPage(t: Test, url: string): Promise<void> {
    const view = await createBrowser(instance.origin).open(url)
    t.match({ status: view.status, leftTo: view.leftTo }, { status: 400, leftTo: undefined }, url.slice(0, 200))
    t.equal(view.headers.get('location'), null)
    t.notMatch(view.text, /<script|evil\.test"/)
  }
  const asWeb = (redirect_uri: string, more: Readonly<Record<string, string>> = {}): string =>
    authorizeUrl(instance, { client_id: WEB, redirect_uri, ...more })

  const PAGES: readonly (readonly [id: string, uris: readonly string[]])[] = [
    ['AZ-01', ['https://app.example.com@evil.test/cb', 'https://app.example.com:x@evil.test/cb']],
    ['AZ-02', ['https://a@evil.test@app.example.com/cb', 'https://evil.test\\@app.example.com/cb']],
    ['AZ-03', ['#', '#x', '%23x', '#code=evil&state=s'].map((end) => WEB_REDIRECT + end)],
  ]
  for (const [id, uris] of PAGES) for (const uri of uris) await attack(id, uri, (t) => isPage(t, asWeb(uri)))

  await attack(
    'AZ-21',
    'a native app on the loopback address, at any port',
    async (t) => {
      for (const uri of ['http://127.0.0.1:51004/cb', 'http://[::1]:61023/cb']) {
        const view = await authorize(instance, { client_id: NATIVE, redirect_uri: uri, ...PKCE })
        t.equal(view.leftTo?.href.split('?')[0], uri)
        t.ok(answerOf(view).get('code'))
      }
    },
    { changes: true, unrefused: true },
  )
})
