// SQLite alone: PostgreSQL plans by statistics that a test has none of; test/store/reads-stay-small.ts asks both
import t from 'tap'
import { WEB } from '../fixtures/instance/world.ts'
import { fillWithPeople } from '../fixtures/store/crowd.ts'
import { startEachRoute } from '../fixtures/store/each-route.ts'
import { LISTS, MOST_ROWS, whatIsWide } from '../fixtures/store/row-budget.ts'
import { statementsOf } from '../fixtures/store/statements.ts'

// More than a request may look at, of everything.
const MANY = 2500

const { instance, routes, asked: byName, ask } = await startEachRoute(t)
await fillWithPeople(instance, WEB, MANY)

/** What is not there, or not to be had without a page before it; the way to that answer is looked at all the same. */
const REFUSED: readonly string[] = [
  '400 GET /id/connect/authorize/continue',
  '400 GET /id/consent',
  '400 GET /id/login',
  '400 GET /id/logout',
  '400 POST /id/connect/authorize',
  '400 POST /id/connect/session/touches',
  '400 POST /id/consent',
  '400 POST /id/login',
  '400 POST /id/logout',
  '404 DELETE /manage/api/v1/apps/:applicationUri/secrets/:secret',
  '404 DELETE /manage/api/v1/apps/:applicationUri/tokens/:id',
  '404 DELETE /manage/api/v1/keys/:kid',
  '404 DELETE /manage/api/v1/registration-tokens/:id',
  '404 DELETE /manage/api/v1/sessions/:id',
  '404 DELETE /manage/api/v1/sign-ins/:sid',
  '404 DELETE /manage/api/v1/tokens/:id',
  '404 DELETE /profile/api/v1/consents/:applicationUri',
  '404 DELETE /profile/api/v1/tokens/:id',
  '404 GET /id/brand/logo',
  '404 GET /id/brand/style.css',
  '404 GET /id/error',
  '404 GET /manage/api/v1/refusals/:id',
  '404 GET /manage/api/v1/sign-ins/:sid',
  '404 GET /profile/me/picture',
  '404 GET /profile/me/picture/128',
  '404 GET /profile/me/picture/64',
  '409 DELETE /manage/api/v1/resources/:identifier',
  '409 POST /manage/api/v1/apps/:applicationUri/tokens',
]

await t.test(
  `beside ${MANY} of everything no route reads a table that grows, or more than ${MOST_ROWS} rows`,
  async (t) => {
    t.ok(routes.length > 60, `${routes.length} routes`)
    const known = new Set(routes.map(([method, url]) => `${method} ${url}`))
    t.strictSame(
      byName.filter((name) => !known.has(name)),
      [],
      'each that is asked by name is there',
    )
    const unanswered: string[] = []
    for (const [method, url] of routes) {
      const name = `${method} ${url}`
      let status = 0
      const asked = await statementsOf(async () => {
        status = (await ask([method, url])).status
      })
      if (status === 405) continue
      if (status >= 400) unanswered.push(`${status} ${name}`)
      t.strictSame(await whatIsWide(instance, asked, LISTS.test(name)), [], `${name}: ${status}`)
    }
    t.strictSame(unanswered.sort(), REFUSED, 'a new route says how it is asked')
  },
)
