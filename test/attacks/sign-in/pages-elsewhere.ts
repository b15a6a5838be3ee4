// SQLite alone: is about what a browser lets other sites do; consents.ts and sign-in-form.ts send the same requests
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'
import { atSignIn } from '../../fixtures/sign-in/sign-in.ts'

t.setTimeout(180_000)

/** Somebody else's site; its one page is whatever is put into it. */
async function openEvilSite(t: Test, host: string) {
  const site = { page: '', headers: {} as Record<string, string>, origin: '' }
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...site.headers })
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>evil</title>${site.page}`)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  site.origin = `http://${host}:${(server.address() as AddressInfo).port}`
  return site
}

const inAttribute = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
const formOf = (action: string, fields: Readonly<Record<string, string>>): string => {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${inAttribute(value)}">`)
  return `<form method="post" action="${inAttribute(action)}">${inputs.join('')}</form>`
}
/** What the server writes down of a form that came from elsewhere; the browser itself may hide the answer. */
const isForeignForm = ({ status, cause }: Readonly<Record<string, unknown>>): boolean =>
  status === 403 && (cause as { rule?: string } | undefined)?.rule === 'form-foreign'
const SUBMITTED = '<script>document.forms[0].submit()</script>'
const TOKEN_OF_OURS = { 'tessera-session': 'session' } as const

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())

  await attackGroup(t, 'G, H. Pages elsewhere', async ({ instance, attack }, t) => {
    noteSecret(PASSWORD)
    // Another site, and another origin of the same site, to which Lax cookies are sent.
    const sites = {
      'another site': await openEvilSite(t, '127.0.0.1'),
      'another origin of the site': await openEvilSite(t, 'localhost'),
    }

    async function newPage(t: Test): Promise<{ context: BrowserContext; page: Page }> {
      const context = await chromium.newContext({ locale: 'en-GB' })
      t.teardown(() => context.close())
      context.setDefaultTimeout(10_000)
      return { context, page: await context.newPage() }
    }
    const isSignedIn = async (context: BrowserContext): Promise<boolean> =>
      (await context.cookies(instance.origin)).some(({ name }) => name in TOKEN_OF_OURS)
    const request = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'consent' })

    /** How a page elsewhere makes the victim's browser post the attacker's name and password. */
    const POSTS: Readonly<
      Record<string, (form: string, action: string) => readonly [page: string, headers?: Record<string, string>]>
    > = {
      'a form that submits itself': (form) => [form + SUBMITTED],
      'the same without a referrer, so that its Origin is null': (form) => [
        form + SUBMITTED,
        { 'referrer-policy': 'no-referrer' },
      ],
      'the same in a sandboxed frame, so that its Origin is null': (form) => [
        `<iframe sandbox="allow-scripts allow-forms" srcdoc="${inAttribute(form + SUBMITTED)}"></iframe>`,
      ],
      'the same in a frame that leads away the whole page': (form) => [
        `<iframe srcdoc="${inAttribute(form.replace('<form', '<form target="_top"') + SUBMITTED)}"></iframe>`,
      ],
      'a request by script': (form, action) => [
        `${form}<script>
          const body = new URLSearchParams(new FormData(document.forms[0]))
          fetch(${JSON.stringify(action)}, { method: 'POST', mode: 'no-cors', credentials: 'include', body })
        </script>`,
      ],
    }
    for (const [where, site] of Object.entries(sites))
      for (const [how, write] of Object.entries(POSTS))
        for (const known of [false, true])
          await attack(
            'LG-02',
            `the attacker’s own sign-in, posted by a page of ${where}: ${how}${known ? ', by a browser that has been here' : ''}`,
            async (t) => {
              const { action, csrf } = await atSignIn(instance)
              const { context, page } = await newPage(t)
              if (known) await page.goto(request)
              const fields = { csrf, username: 'anna', password: PASSWORD }
              const [html, headers = {}] = write(formOf(action, fields), action)
              Object.assign(site, { page: html, headers })
              const since = instance.log.length
              await page.goto(site.origin).catch((error: unknown) => {
                // The form was faster than the page.
                if (!String(error).includes('interrupted')) throw error
              })
              const isRefused = async () => instance.log.slice(since).some(isForeignForm)
              t.ok(await eventually(isRefused, Boolean), '403')
              t.notOk(await isSignedIn(context))
            },
            { slow: true },
          )

    const victim = await chromium.newContext({ locale: 'en-GB', viewport: { width: 800, height: 900 } })
    t.teardown(() => victim.close())
    const consent = await victim.newPage()
    await consent.goto(request)
    await consent.fill('#username', 'david')
    await consent.fill('#password', PASSWORD)
    await consent.click('#login-submit')
    const button = await (await consent.waitForSelector('#consent-approve')).boundingBox()
    const middle = { x: (button?.x ?? 0) + (button?.width ?? 0) / 2, y: (button?.y ?? 0) + (button?.height ?? 0) / 2 }
    const frameOf = (kind: string, url: string): string => {
      const style = 'style="position:fixed;inset:0;width:800px;height:900px;border:0;opacity:0.01"'
      const [source, data] = [`src="${inAttribute(url)}"`, `data="${inAttribute(url)}"`]
      return kind === 'object' ? `<object ${data} ${style}></object>` : `<${kind} ${source} ${style}></${kind}>`
    }
    for (const [where, site] of Object.entries(sites))
      for (const kind of ['iframe', 'object', 'embed'])
        for (const [what, url] of [
          ['a request of its own', request],
          ['the very page that waits', consent.url()],
        ] as const)
          await attack(
            'CS-01',
            `${what} in an invisible ${kind} above a button, on a page of ${where}`,
            async (t) => {
              const page = await victim.newPage()
              Object.assign(site, { page: `<button>Win a prize</button>${frameOf(kind, url)}`, headers: {} })
              await page.goto(site.origin)
              const shown = page.frames().map((frame) => frame.url())
              t.strictSame(
                shown.filter((url) => url.startsWith(instance.origin)),
                [],
                'no page of ours is in a frame',
              )
              await page.mouse.move(10, 10)
              await page.mouse.down()
              await page.mouse.move(middle.x, middle.y)
              await page.mouse.up()
              await page.mouse.click(middle.x, middle.y)
              t.equal(page.url(), `${site.origin}/`, 'the click leads nowhere')
              await page.close()
            },
            { slow: true, unrefused: true },
          )
    await attack(
      'CS-01',
      'the same click on the page itself does allow it',
      async (t) => {
        const asked = consent.waitForRequest((request) => request.url().startsWith(WEB_REDIRECT))
        await consent.mouse.click(middle.x, middle.y)
        t.ok(new URL((await asked).url()).searchParams.has('code'))
      },
      { slow: true, unrefused: true, changes: true },
    )
  })
})
