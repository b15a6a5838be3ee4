import Fastify from 'fastify'
import t from 'tap'
import { OAuthError } from '../src/domain/errors.ts'
import { registerOverload } from '../src/http/overload.ts'

await t.test(
  'R-22: what could only wait is refused at once, and there is room again when answers are given',
  async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    registerOverload(app)
    app.setErrorHandler((error, _request, reply) =>
      error instanceof OAuthError ? reply.code(error.status).send(error.description) : reply.code(500).send(),
    )
    let answer: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      answer = resolve
    })
    app.get('/work', async () => {
      await gate
      return 'done'
    })
    app.get('/health/ready', async () => 'ready')

    const waiting = Array.from({ length: 500 }, () => app.inject('/work').then((response) => response))
    const refused = await app.inject('/work')
    t.equal(refused.statusCode, 503)
    t.equal(refused.body, 'too much is asked of the server right now; try again shortly')
    t.equal((await app.inject('/health/ready')).statusCode, 200, 'monitoring is not turned away')
    answer()
    t.ok((await Promise.all(waiting)).every(({ statusCode }) => statusCode === 200))
    t.equal((await app.inject('/work')).statusCode, 200)
  },
)
