// SQLite alone: compares documents with the code; what they count is tested elsewhere on both databases
import { readFileSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/config/read-config.ts'
import { USER_CLAIMS } from '../../src/domain/protocol/requested-claims.ts'
import type { User } from '../../src/domain/users/user.ts'
import { HOUR } from '../../src/lib/time/clock.ts'
import { userClaims } from '../../src/oauth/tokens/mint/user-claims.ts'
import { isLast, waitAfter } from '../../src/operations/outbox/schedule.ts'
import { pasted } from '../fixtures/cli/cli.ts'
import { type Route, routesOf } from '../fixtures/instance/routes.ts'
import { startWorld } from '../fixtures/instance/world.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

await t.test('docs/operating.md says which endpoints take how long a body', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
  const page = read('docs/operating.md')
  t.match(
    page,
    '| body | 16 KiB; at six endpoints 64 KiB (below); of the administration API and the profile API 256 KiB |',
  )
  const [, list = ''] = /^The six are those([\s\S]*?)\n\n/m.exec(page) ?? []
  const six = [...list.matchAll(/`(\/connect\/[\w/]+)`/g)].map(([, path = '']) => `/id${path}`)
  t.equal(six.length, 6)

  /** Whether so many bytes are let in; what is in them is told as wrong only then. */
  const takes = async ([method, url]: Route, bytes: number): Promise<boolean> => {
    const isJson = url.includes('/connect/register')
    const response = await fetch(instance.origin + url.replaceAll(/:\w+/g, 'x'), {
      method,
      headers: { 'Content-Type': isJson ? 'application/json' : 'application/x-www-form-urlencoded' },
      body: 'x'.repeat(bytes),
    })
    await response.text()
    return response.status !== 413
  }
  const withBody = routesOf(instance.server).filter(([method]) => ['POST', 'PUT', 'PATCH'].includes(method))
  t.ok(withBody.length > 20)
  for (const route of withBody) {
    const [method, url] = route
    // The two APIs ask who it is before they take a body.
    if (/^\/(manage|profile)\//.test(url)) continue
    const most = six.includes(url) ? 64 : 16
    t.notOk(await takes(route, most * 1024 + 1), `${method} ${url}: not a byte more than ${most} KiB`)
    t.ok(await takes(route, most * 1024), `${method} ${url}: ${most} KiB`)
  }
})

await t.test('docs/signing-out.md says how often an app is told, and for how long', async (t) => {
  let [attempts, elapsed] = [1, 0]
  for (; !isLast({ kind: 'failed', error: 'nobody is at home' }, attempts); attempts += 1)
    elapsed += waitAfter(attempts)
  t.match(
    read('docs/signing-out.md'),
    `${attempts === 10 ? 'ten' : attempts} attempts in\n  all within ${Math.ceil(elapsed / HOUR)} hours`,
  )
  t.match(read('CONTRIBUTING.md'), `ten in ${Math.ceil(elapsed / HOUR)} hours`)
})

await t.test('docs/conformance.md shows commands that make what the suite needs', async (t) => {
  const { instance } = await startWorld(t)
  const page = read('docs/conformance.md')
  const [, commands = ''] = /```sh\n(SUITE=[\s\S]*?)```/.exec(page) ?? []
  const outcome = await pasted(instance, commands)
  t.equal(outcome.code, 0, outcome.stderr)
  const suite = (await instance.core.store.read.users.findByIdentifier('suite'))?.user
  const told = userClaims(suite as User, USER_CLAIMS)
  t.strictSame(Object.keys(told).sort(), [...USER_CLAIMS].sort(), 'a person with a value for every claim')
  t.match(await instance.core.store.read.apps.find('suite/two'), { requirePkce: false, clientType: 'Confidential' })

  const [, settings = ''] = /```sh\n(export TESSERA_REGISTRATION[\s\S]*?)```/.exec(page) ?? []
  const named = Object.fromEntries(
    [...settings.matchAll(/(TESSERA_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  )
  t.match(readConfig(named as Record<string, string>, undefined), { registration: { mode: 'open' } })
})

await t.test('docs/any-language.md says how long keys may be kept', async (t) => {
  const { instance } = await startWorld(t)
  const { headers } = await fetch(`${instance.issuer}/.well-known/openid-configuration/jwks`)
  t.match(headers.get('cache-control'), 'max-age=300')
  t.match(
    read('docs/any-language.md'),
    /keep the set for five minutes[\s\S]*lifespan=300|lifespan=300[\s\S]*five minutes/,
  )
})
