import t, { type Test } from 'tap'
import { isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import {
  authorize,
  challengeOf,
  obtainCode,
  obtainTokens,
  PKCE,
  redeem,
  refresh,
  VERIFIER,
} from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, introspect, requestToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { type Tokens, tokensOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { enableApp, enableUser, takeConsentBack, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { lockOut } from '../../fixtures/sign-in/lock-out.ts'

const SECOND = 1000
const SCOPE = 'openid offline_access read'
const OTHERS = 'the-verifier-of-another-flow-0123456789-0123456789'

/** Verifiers that do not open a code with a challenge. */
const VERIFIERS: readonly (readonly [id: string, name: string, verifier: string | undefined])[] = [
  ['CO-04', 'a wrong one', VERIFIER.replace('a', 'b')],
  ['CO-04', 'of another flow', OTHERS],
  ['CO-04', 'in capitals', VERIFIER.toUpperCase()],
  ['CO-05', 'omitted', undefined],
  ['CO-05', 'empty', ''],
  ['CO-07', '42 characters', 'x'.repeat(42)],
  ['CO-07', '129 characters', 'x'.repeat(129)],
  ['CO-07', 'a space', `${VERIFIER} `],
  ['CO-07', 'an escaped space', `${VERIFIER}%20`],
  ['CO-07', 'an emoji', `${VERIFIER}😀`],
]

/** What is not the code, though it comes close. */
const CHANGES: Readonly<Record<string, (code: string) => string>> = {
  truncated: (code) => code.slice(0, -1),
  'its first half': (code) => code.slice(0, 21),
  extended: (code) => `${code}A`,
  'one character flipped': (code) => `${code[0] === 'A' ? 'B' : 'A'}${code.slice(1)}`,
  'its spare bits flipped': (code) => code.slice(0, -1) + String.fromCharCode(code.charCodeAt(42) ^ 1),
  'case swapped': (code) => code.replace(/[a-z]/gi, (letter) => String.fromCharCode(letter.charCodeAt(0) ^ 32)),
  'in base64': (code) => Buffer.from(code, 'base64url').toString('base64'),
  'in hex': (code) => Buffer.from(code, 'base64url').toString('hex'),
  padded: (code) => `${code}=`,
  'with a space': (code) => `${code} `,
  'after a space': (code) => ` ${code}`,
  'with a line feed': (code) => `${code}\n`,
  'a wildcard': () => '%',
}

/** What ends a code before it is redeemed, and the refusal then. */
type End = (
  instance: Instance,
  login: string,
  id: string,
  browser: ReturnType<typeof createBrowser>,
) => Promise<unknown>
const ENDS: Readonly<Record<string, readonly [end: End, error: string, status: number]>> = {
  'the user is disabled': [(instance, _, id) => enableUser(instance, { id }, false), 'invalid_grant', 400],
  'the user is removed': [
    (instance, _, id) => instance.core.store.write(({ users }) => users.remove(id, instance.now())),
    'invalid_grant',
    400,
  ],
  'the person took their consent back': [
    (instance, _, id) => takeConsentBack(instance, { id }, WEB),
    'invalid_grant',
    400,
  ],
  'the password is changed': [
    async (instance, login, id) => {
      const { passwordHash = '' } = (await instance.core.store.read.users.findByIdentifier(login)) ?? {}
      await instance.core.store.write(({ users }) => users.setPassword(id, passwordHash, instance.now()))
    },
    'invalid_grant',
    400,
  ],
  'the person signs out': [
    async (instance, login, _, browser) => {
      const { id_token } = await obtainTokens(instance, {}, { login, browser })
      await browser.open(endSessionUrl(instance, { id_token_hint: id_token }))
    },
    'invalid_grant',
    400,
  ],
  'the app is disabled': [(instance) => enableApp(instance, WEB, false), 'invalid_client', 401],
  'the app is disabled and enabled again': [
    async (instance) => {
      await enableApp(instance, WEB, false)
      await enableApp(instance, WEB, true)
    },
    'invalid_grant',
    400,
  ],
}

/** Nothing that was issued for a code works any more. */
async function isDead(t: Test, instance: Instance, { access_token, refresh_token = '' }: Tokens): Promise<void> {
  t.equal((await userinfo(instance, access_token)).status, 401)
  const introspected = await introspect(instance, access_token)
  t.strictSame(introspected.json, { active: false })
  isRefused(t, await refresh(instance, refresh_token), 'invalid_grant')
}

await attackGroup(t, 'C. Authorization code and PKCE', async ({ instance, attack }) => {
  const browser = createBrowser(instance.origin)
  const code = (more: Readonly<Record<string, string>> = {}): Promise<string> =>
    obtainCode(instance, { scope: SCOPE, ...more }, { browser })

  for (const delay of [0, 1, 30])
    await attack(
      'CO-01',
      `redeemed again after ${delay} s: refused, and what it was exchanged for is revoked`,
      async (t) => {
        const used = await code()
        const tokens = tokensOf(await redeem(instance, used))
        instance.advance(delay * SECOND)
        const since = instance.log.length
        isRefused(t, await redeem(instance, used), 'invalid_grant')
        await isDead(t, instance, tokens)
        isRefused(t, await redeem(instance, used), 'invalid_grant')
        t.ok(
          instance.log.slice(since).some(({ audit }) => (audit as { event?: string })?.event === 'code_reuse'),
          'I7',
        )
      },
      { changes: true },
    )

  for (const [id, name, code_verifier] of VERIFIERS) {
    const challenged = await code(PKCE)
    await attack(id, `code_verifier ${name}`, async (t) =>
      isRefused(t, await redeem(instance, challenged, { code_verifier }), 'invalid_grant'),
    )
  }
  const challenged = await code(PKCE)
  await attack('CO-07', 'code_verifier as an array', async (t) => {
    const request = { grant_type: 'authorization_code', code: challenged, redirect_uri: WEB_REDIRECT }
    const inBrackets = { ...request, 'code_verifier[]': VERIFIER }
    isRefused(t, await requestToken(instance, inBrackets, basic(WEB)), 'invalid_grant')
    const verifiers = [VERIFIER, VERIFIER].map((verifier): [string, string] => ['code_verifier', verifier])
    const twice = [...Object.entries(request), ...verifiers]
    isRefused(t, await requestToken(instance, twice, basic(WEB)), 'invalid_request')
  })
  await attack(
    'CO-04',
    'the right one still opens the code',
    async (t) => t.equal((await redeem(instance, challenged, { code_verifier: VERIFIER })).status, 200),
    { changes: true, unrefused: true },
  )
  const plain = await code()
  await attack('CO-06', 'a verifier where there was no challenge', async (t) =>
    isRefused(t, await redeem(instance, plain, { code_verifier: VERIFIER }), 'invalid_grant'),
  )

  await attack(
    'CO-08',
    'a second before its end it works, and a second after not',
    async (t) => {
      const [first, second] = [await code(), await code()]
      instance.advance(59 * SECOND)
      t.equal((await redeem(instance, first)).status, 200)
      instance.advance(2 * SECOND)
      isRefused(t, await redeem(instance, second), 'invalid_grant')
    },
    { changes: true },
  )

  const right = await code()
  for (const [name, change] of Object.entries(CHANGES))
    await attack('CO-09', name, async (t) => isRefused(t, await redeem(instance, change(right)), 'invalid_grant'))
  await attack('CO-09', 'with a NUL', async (t) =>
    isRefused(t, await redeem(instance, `${right}\0`), 'invalid_request'),
  )

  for (const [name, [end, error, status]] of Object.entries(ENDS)) {
    const login = `leaver-${Object.keys(ENDS).indexOf(name)}`
    const { id } = await instance.addUser({ login })
    const hers = createBrowser(instance.origin)
    const before = await obtainCode(instance, {}, { login, browser: hers })
    await end(instance, login, id, hers)
    await attack('CO-11', name, async (t) => isRefused(t, await redeem(instance, before), error, status))
    await enableApp(instance, WEB, true)
  }
  const locked = await code()
  await attack(
    'CO-11',
    'strangers lock the name: nobody signs in, and what the person was granted lives on, so that strangers end nothing',
    async (t) => {
      t.equal((await lockOut(instance, 'david')).status, 429)
      t.equal((await redeem(instance, locked)).status, 200)
    },
    { changes: true },
  )

  // The attacker's own code, put into the session that the victim's browser has at the app.
  const attackers = await obtainCode(instance, PKCE, { login: 'anna' })
  await attack('CO-12', 'a code of the attacker, redeemed with the verifier of the victim', async (t) => {
    t.not(challengeOf(OTHERS), PKCE.code_challenge)
    isRefused(t, await redeem(instance, attackers, { code_verifier: OTHERS }), 'invalid_grant')
  })

  const pages = [
    { name: 'login', url: authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'login' }) },
    { name: 'consent', url: authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'consent' }) },
    { name: 'error', url: authorizeUrl(instance, { client_id: WEB, redirect_uri: 'https://evil.test/' }) },
  ]
  const davids = createBrowser(instance.origin)
  await authorize(instance, {}, { browser: davids })
  for (const { name, url } of pages)
    await attack(
      'CO-17',
      `${name} page: no referrer, and nothing from elsewhere`,
      async (t) => {
        const { headers, page } = await davids.open(url)
        t.equal(headers.get('referrer-policy'), 'no-referrer')
        const loaded = page.querySelectorAll('[src], link[href], [srcset], [data], [poster]')
        const places = loaded.map((element) => element.getAttribute('src') ?? element.getAttribute('href') ?? 'other')
        t.ok(places.length > 0)
        t.strictSame(
          places.filter((place) => new URL(place, url).origin !== instance.origin),
          [],
        )
      },
      { unrefused: true },
    )
})
