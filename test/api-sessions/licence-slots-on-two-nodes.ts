import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { documentOf, words } from '../fixtures/cli/cli.ts'
import { basic, postForm } from '../fixtures/clients/http.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD, SECRET } from '../fixtures/instance/instance.ts'
import { directly, preparePair } from '../fixtures/instance/nodes.ts'
import { addApp, addPerson, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { query } from '../fixtures/store/database.ts'
import { ONLY_ON_POSTGRES } from '../fixtures/store/postgres.ts'
import { API, askForSession, DOMAIN_API } from '../fixtures/tokens/api-sessions.ts'

const SLOTS = 10
const AT_ONCE = 200

/** Services enough for every call, and the app of their API, as a file for `tessera apply`. */
function services(): string {
  const hash = createHash('sha256').update(SECRET).digest('base64')
  const app = (ApplicationUri: string, more: object) => ({
    ApplicationUri,
    ClientType: 'Confidential',
    ApplicationSecretHash: hash,
    ...more,
  })
  const onItsOwn = { SystemUserAllowed: true, SystemUser: 'svc', Scope: 'read' }
  return JSON.stringify({
    users: [{ login: 'svc', type: 'SystemUserNoLogin' }],
    apps: [app(API, {}), ...Array.from({ length: AT_ONCE }, (_, index) => app(`app${index}`, onItsOwn))],
  })
}

await t.test(
  `${AT_ONCE} first calls over two nodes: exactly ${SLOTS} get in`,
  { skip: ONLY_ON_POSTGRES },
  async (t) => {
    const { site, nodes } = await preparePair(t)
    const { tessera } = site
    const file = join(site.folder, 'services.json')
    writeFileSync(file, services())
    await documentOf(tessera(['apply', file, '--json']))
    await documentOf(tessera(words(`resource update ${DOMAIN_API} --resource-server ${API} --json`)))
    await documentOf(tessera(words(`license set --slots ${SLOTS} --json`)))
    await serve(t, nodes[0])
    const second = await serve(t, nodes[1])
    const at = nodes.map(directly)
    const nodeOf = (index: number) => at[index % 2] ?? site

    const tokens = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, index) => {
        const url = `${nodeOf(index).issuer}/connect/token`
        return tokensOf(await postForm(url, { grant_type: 'client_credentials' }, basic(`app${index}`))).access_token
      }),
    )
    const countsOf = async (shift: number): Promise<Record<string, number>> => {
      const started = performance.now()
      const answers = await Promise.all(tokens.map((token, index) => askForSession(nodeOf(index + shift), token)))
      t.comment(`${AT_ONCE} calls in ${Math.round(performance.now() - started)} ms`)
      const counts: Record<string, number> = {}
      for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
      return counts
    }
    const list = async () =>
      (JSON.parse((await tessera(words('session list --json'))).stdout) as { id: string }[]).map(({ id }) => id)

    const expected = { 200: SLOTS, 429: AT_ONCE - SLOTS }
    t.strictSame(await countsOf(0), expected)
    const sessions = await list()
    t.equal(sessions.length, SLOTS)
    t.strictSame(await countsOf(1), expected, 'each of them at the other node, which knows who is in')
    second.kill('SIGKILL')
    await second.ended()
    await serve(t, nodes[1])
    t.strictSame(await countsOf(0), expected, 'and after a node was killed')
    t.strictSame(await list(), sessions, 'the same ones')

    await documentOf(tessera(['session', 'end', sessions[0] ?? '', '--json']))
    t.strictSame(await countsOf(1), expected, 'a slot that is freed here is taken there, by one alone')
    t.equal((await list()).length, SLOTS)
    t.strictSame(await documentOf(tessera(words('license show --json'))), {
      slots: SLOTS,
      used: SLOTS,
      free: 0,
      kept: 0,
      reserved: [],
    })
  },
)

await t.test(
  'first calls over two nodes, of two apps of one sign-in: one session on one slot',
  { skip: ONLY_ON_POSTGRES },
  async (t) => {
    const { site, nodes } = await preparePair(t)
    const { tessera } = site
    await addPerson(site, 'david', PASSWORD)
    const flags = ['--web', '--redirect-uri', WEB_REDIRECT]
    const secrets = [await addApp(site, 'app0', ...flags), await addApp(site, 'app1', ...flags)]
    const apiSecret = await addApp(site, API, ...flags)
    await documentOf(tessera(words(`resource update ${DOMAIN_API} --resource-server ${API} --json`)))
    await documentOf(tessera(words('license set --slots 1 --json')))
    for (const node of nodes) await serve(t, node)
    const browser = createBrowser(site.origin)
    const tokens: string[] = []
    for (const [index, secret] of secrets.entries()) {
      const app = createRelyingParty(site, { clientId: `app${index}`, login: 'david', secret }, browser)
      tokens.push((await app.obtainTokens()).access_token)
    }
    const at = nodes.map(directly)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        askForSession(at[index % 2] ?? site, tokens[(index >> 1) % 2] ?? '', basic(API, apiSecret)),
      ),
    )
    t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
    t.equal(new Set(answers.map(({ json }) => json['session_id'])).size, 1)
    const rows = 'select count(*)::int as count from'
    t.strictSame(await query(site, `${rows} api_sessions`), [{ count: 1 }])
    t.strictSame(await query(site, `${rows} api_session_apps`), [{ count: 2 }])
  },
)
