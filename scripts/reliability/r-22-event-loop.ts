import { PKCE } from '../../test/fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../test/fixtures/clients/endpoints.ts'
import { WEB_REDIRECT } from '../../test/fixtures/instance/world.ts'
import { createBrowser } from '../../test/fixtures/sign-in/browser.ts'
import { defineCheck } from './lib/check.ts'
import { breaksOf, countOf, createLoad, driveFor } from './lib/load.ts'
import { loopMonitor } from './lib/loop-delay.ts'
import { startNode } from './lib/node.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

interface Attempt {
  readonly status: number
  readonly took: number
}

/** One more person with a wrong password, at the same time as many others; a name of its own, as one name soon has to wait. */
async function signInWrongly(site: Site, username: string): Promise<() => Promise<Attempt>> {
  const browser = createBrowser(site.origin)
  const url = authorizeUrl(site as never, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE })
  const page = await browser.open(url)
  return async () => {
    const started = performance.now()
    const { status } = await browser.submit(page, 'login-submit', { username, password: 'wrong' })
    return { status, took: performance.now() - started }
  }
}

export const check = defineCheck({
  id: 'R-22',
  what: 'as much load as the node takes, and then a flood of sign-ins, whose passwords are costly to check',
  required: 'event-loop delay p99 of 50 ms at most; what cannot be done within 2 s is answered 503 with Retry-After',
  timed: true,
  async run(run, { people, duration, flood, delay, answered }) {
    const site = await prepareSite(run, { people })
    const monitor = loopMonitor(site.folder)
    const node = await startNode(run, site, monitor.options)
    const load = createLoad(run, site)
    await driveFor(load, 2000)
    await monitor.ask(node)
    const from = load.results.length
    await driveFor(load, duration)
    const full = await monitor.ask(node)
    const results = load.results.slice(from)
    run.told('load', (1000 * results.length) / duration, 'requests/s')
    run.told(
      'p99 of a refresh',
      quantile(
        results.filter(({ action }) => action === 'refresh').map(({ took }) => took),
        0.99,
      ),
      'ms',
    )
    run.atMost('event-loop delay under full load (p99)', full.p99, delay, 'ms')
    run.told('longest stall', full.max, 'ms')
    run.none('wrong or missing answers', countOf(results, 'wrong') + countOf(results, 'broken'))
    for (const [reason, count] of Object.entries(breaksOf(results))) run.told(`not answered: ${reason}`, count)

    const attemptsToMake = []
    for (let made = 0; made < flood; made++) attemptsToMake.push(await signInWrongly(site, `nobody-${made}`))
    await monitor.ask(node)
    const attempts = await Promise.all(attemptsToMake.map((submit) => submit()))
    const flooded = await monitor.ask(node)
    const busy = attempts.filter(({ status }) => status === 503)
    run.told('sign-ins at once', flood)
    run.told('answered 503', busy.length)
    run.none('answered neither 401 nor 503', attempts.filter(({ status }) => status !== 401 && status !== 503).length)
    run.atMost(
      'longest until an answer',
      quantile(
        attempts.map(({ took }) => took),
        1,
      ),
      answered,
      'ms',
    )
    run.atMost('event-loop delay in the flood (p99)', flooded.p99, delay, 'ms')
  },
})

await whenStarted(import.meta.url, check)
