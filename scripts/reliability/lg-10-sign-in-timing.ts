import { createPasswords } from '../../src/lib/crypto/passwords.ts'
import { PKCE } from '../../test/fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../test/fixtures/clients/endpoints.ts'
import { PASSWORD } from '../../test/fixtures/instance/instance.ts'
import { WEB_REDIRECT } from '../../test/fixtures/instance/world.ts'
import { createBrowser } from '../../test/fixtures/sign-in/browser.ts'
import { defineCheck } from './lib/check.ts'
import { startNode } from './lib/node.ts'
import { shuffled } from './lib/random.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { quantile, tellsApart } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

// Whose name is entered; a stranger must not learn by the time it takes.
const KINDS = ['known', 'unknown', 'disabled'] as const
type Kind = (typeof KINDS)[number]

/** What is entered as the password, and the status of every answer. */
const PASSWORDS = {
  'a usual one': [`${PASSWORD}!`, 401],
  'one character': ['x', 401],
  '1,024 characters': ['x'.repeat(1024), 401],
  'an empty one': ['', 400],
} as const

type Times = Record<Kind, number[]>

/** People whose passwords cost what they do in earnest, one for each attempt or so: nobody's name may have to wait. */
async function addPeople(site: Site, each: number): Promise<void> {
  const passwordHash = await createPasswords().hash(PASSWORD)
  const users = KINDS.filter((kind) => kind !== 'unknown').flatMap((kind) =>
    Array.from({ length: each }, (_, at) => ({ login: nameOf(kind, at), passwordHash, isEnabled: kind === 'known' })),
  )
  const { code, stderr } = await site.tessera(['apply', '-'], JSON.stringify({ users }))
  if (code !== 0) throw new Error(`the people cannot be added: ${stderr}`)
}

// All of one length.
const nameOf = (kind: Kind, at: number): string => `${kind.padEnd(8, '-')}${String(at).padStart(4, '0')}`

/** Posts the form of one sign-in page again and again. */
async function openForm(site: Site) {
  const browser = createBrowser(site.origin)
  const view = await browser.open(authorizeUrl(site as never, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE }))
  const action = view.page.querySelector('form')?.getAttribute('action') ?? ''
  const csrf = view.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? ''
  return async (username: string, password: string) => {
    const body = new URLSearchParams({ csrf, username, password }).toString()
    const headers = { origin: site.origin, 'content-type': 'application/x-www-form-urlencoded' }
    const started = performance.now()
    const answer = await browser.request(action, { method: 'POST', headers, body })
    await answer.text()
    return { status: answer.status, took: performance.now() - started }
  }
}

/** One attempt of each kind after another, in an order that changes. */
async function measure(run: Run, site: Site, each: number) {
  const enter = await openForm(site)
  const times: Record<string, Times> = {}
  let otherwise = 0
  for (const [name, [password, wanted]] of Object.entries(PASSWORDS)) {
    const own: Times = { known: [], unknown: [], disabled: [] }
    times[name] = own
    // The first answers of a server are slower.
    for (let at = 0; at < 5; at++) await enter(`warm-up-${name}-${at}`, password)
    for (let at = 0; at < each; at++) {
      for (const kind of shuffled(KINDS, run.random)) {
        const { status, took } = await enter(nameOf(kind, at), password)
        own[kind].push(took)
        if (status !== wanted) otherwise += 1
      }
    }
  }
  return { times, otherwise }
}

export const check = defineCheck({
  id: 'LG-10',
  what: 'sign-ins that fail, one after another: names that are known, unknown or disabled, with passwords of every length',
  required:
    'the time tells nothing of the name: medians differ by 5 % at most, and one answer tells the kind with ROC AUC 0.6 at most',
  timed: true,
  async run(run, { each, apart, told }) {
    const site = await prepareSite(run, { people: 1 })
    await addPeople(site, each)
    await startNode(run, site)
    const { times, otherwise } = await measure(run, site, each)
    run.told('attempts of each kind', each)
    run.none('answered otherwise than expected', otherwise)
    for (const [name, own] of Object.entries(times)) {
      const unknown = quantile(own.unknown, 0.5)
      run.told(`${name}: median of an unknown name`, unknown, 'ms')
      for (const kind of ['known', 'disabled'] as const) {
        const difference = Math.abs(quantile(own[kind], 0.5) - unknown) / unknown
        run.atMost(`${name}: median of a ${kind} name, apart by`, 100 * difference, apart, '%')
        run.atMost(`${name}: unknown or ${kind}, ROC AUC`, tellsApart(own[kind], own.unknown), told)
      }
    }
  },
})

await whenStarted(import.meta.url, check)
