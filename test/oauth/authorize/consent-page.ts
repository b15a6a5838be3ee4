import t from 'tap'
import { answerOf } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { NATIVE, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)

async function openPage(
  parameters: Readonly<Record<string, string>> = {},
  username = 'david',
): Promise<{ browser: Browser; view: View }> {
  const browser = createBrowser(instance.origin)
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'consent', ...parameters }
  const login = await browser.open(authorizeUrl(instance, request))
  return { browser, view: await browser.submit(login, 'login-submit', { username, password: PASSWORD }) }
}

const textOf = (view: View, selector: string): string | undefined => view.page.querySelector(selector)?.text

await t.test('it says who asks, for what, as whom, and where it leads', async (t) => {
  const { view } = await openPage({ scope: 'openid profile email phone address offline_access read update' })
  t.equal(view.status, 200)
  t.equal(textOf(view, '.app-name'), 'Web shop')
  t.equal(textOf(view, '.where'), 'https://app.example.com')
  t.match(textOf(view, '.person'), /You are signed in as[\s\S]*David Miller[\s\S]*david/)
  t.strictSame(
    view.page.querySelectorAll('.scopes strong').map(({ text }) => text),
    [
      'Change data for you',
      'Stay connected while you are away',
      'Read data for you',
      'See who you are',
      'Know who you are',
      'See your profile',
      'See your email address',
      'See your phone number',
      'See your postal address',
    ],
    'what weighs most comes first, and what tells who they are is folded into one line',
  )
  t.strictSame(
    view.page.querySelectorAll('.weighty strong').map(({ text }) => text),
    ['Change data for you', 'Stay connected while you are away'],
  )
  t.equal(
    textOf(view, '.scopes details summary .muted'),
    'an identifier, your profile, email address, phone number, and postal address',
  )
  for (const item of view.page.querySelectorAll('.scopes li > span.muted, .scopes li > span > .muted'))
    t.match(item.text, /\S{2}.*\.$/)
  const icons = view.page.querySelectorAll('.scopes svg.icon use').map((use) => use.getAttribute('href') ?? '')
  t.equal(icons.length, 5, 'an icon for each scope, one for the folded line, and one to unfold it')
  for (const icon of icons) t.ok(view.page.querySelector(`symbol${icon}`), `${icon} is drawn`)
  const alone = await openPage({ scope: 'openid' })
  t.equal(alone.view.page.querySelector('details'), null, 'one thing alone is not folded')
  t.equal(textOf(alone.view, '.scopes strong'), 'Know who you are')

  const native = await openPage({
    client_id: NATIVE,
    redirect_uri: 'com.example.app:/oauth',
    code_challenge: 'A'.repeat(43),
    code_challenge_method: 'S256',
  })
  t.equal(textOf(native.view, '.where'), 'com.example.app:')
  t.match(textOf(native.view, '#each-time'), /^This app runs on your device/)
  t.equal(view.page.querySelector('#each-time'), null)
})

await t.test('CS-09 names and scopes hold no markup', async (t) => {
  const markup = `"><script>alert('1')</script><b>&amp;{scope}`
  const long = 'W'.repeat(200)
  const scopes = ['<b>bold</b>', "'onclick=x", '{scope}', '$&', 'other']
  const internal = { impersonateAsInternalUserAllowed: true, scope: scopes }
  await instance.addUser({ login: 'eve', name: markup })
  for (const [n, name] of [markup, long].entries()) {
    const app = { applicationUri: `odd${n}`, name, ...internal, impersonateLoginUrl: ['https://odd.example.com/cb'] }
    await instance.addApp(app)
    const request = { client_id: app.applicationUri, redirect_uri: 'https://odd.example.com/cb' }
    const { browser, view } = await openPage({ ...request, scope: scopes.join(' ') }, 'eve')
    t.equal(textOf(view, '.app-name')?.replaceAll('&#39;', "'"), name)
    t.match(view.page.querySelector('.person bdi')?.text, markup)
    t.strictSame(view.page.querySelectorAll('script, main b, [onclick]'), [])
    t.equal(textOf(view, '.where'), 'https://odd.example.com', 'the real destination is shown')
    t.strictSame(
      view.page.querySelectorAll('.scopes strong').map(({ text }) => text.replaceAll('&#39;', "'")),
      scopes.map((scope) => `Use the permission “${scope}”`),
    )
    t.equal(answerOf(await browser.submit(view, 'consent-deny')).get('error'), 'access_denied')
  }
})

await t.test('CS-01 it cannot be framed, and runs no script', async (t) => {
  const { view } = await openPage()
  t.equal(view.headers.get('x-frame-options'), 'DENY')
  t.equal(
    view.headers.get('content-security-policy'),
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
  )
  t.equal(view.headers.get('cache-control'), 'no-store')
  t.equal(view.headers.get('referrer-policy'), 'no-referrer')
  t.strictSame(view.page.querySelectorAll('script, noscript, iframe, [onclick], [onsubmit], [style]'), [])
  t.strictSame(
    view.page
      .querySelectorAll('form button')
      .map((button) => [button.getAttribute('type'), button.getAttribute('value')]),
    [
      ['submit', 'approve'],
      ['submit', 'deny'],
    ],
    'two plain buttons do it all',
  )
})

await t.test('the logo of an app is the only thing from elsewhere, and its links open apart', async (t) => {
  await instance.addApp({
    applicationUri: 'shiny',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: ['https://shiny.example.com/cb'],
    logoUri: 'https://cdn.example.com/logo.png?x="1"',
    policyUri: 'https://shiny.example.com/privacy',
    tosUri: 'https://shiny.example.com/terms',
  })
  const { view } = await openPage({ client_id: 'shiny', redirect_uri: 'https://shiny.example.com/cb' })
  t.match(view.headers.get('content-security-policy'), "img-src 'self' data: https://cdn.example.com;")
  const logo = view.page.querySelector('img.app-tile')
  t.strictSame([logo?.getAttribute('alt'), logo?.getAttribute('referrerpolicy')], ['', 'no-referrer'])
  const links = view.page.querySelectorAll('footer > a')
  t.strictSame(
    links.map((link) => [link.getAttribute('href'), link.getAttribute('target'), link.getAttribute('rel')]),
    ['privacy', 'terms'].map((page) => [`https://shiny.example.com/${page}`, '_blank', 'noopener noreferrer']),
  )
})

await t.test('languages', async (t) => {
  const words = {
    en: ['Allow access?', 'Allow', 'Don’t allow', 'Read data for you'],
    de: ['Zugriff erlauben?', 'Erlauben', 'Nicht erlauben', undefined],
    bg: ['Разрешавате ли достъп?', 'Разреши', 'Не разрешавай', undefined],
  } as const
  for (const [ui_locales, [title, approve, deny, read]] of Object.entries(words)) {
    const { browser, view } = await openPage({ ui_locales, scope: 'openid read' })
    t.equal(view.page.querySelector('html')?.getAttribute('lang'), ui_locales)
    t.equal(view.headers.get('content-language'), ui_locales)
    t.strictSame(
      [textOf(view, 'h1'), textOf(view, '#consent-approve'), textOf(view, '#consent-deny')],
      [title, approve, deny],
    )
    const titles = view.page.querySelectorAll('.scopes strong').map(({ text }) => text)
    if (read) t.equal(titles[0], read)
    else t.notMatch(titles.join(), /Know|Read|scope\./, 'the scopes are translated')
    t.ok(answerOf(await browser.submit(view, 'consent-approve')).get('code'))
  }
})
