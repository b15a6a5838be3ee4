import t from 'tap'
import { createForm } from '../../src/domain/protocol/form.ts'
import { createSignInMethods, type SignInMethod } from '../../src/sign-in/methods/registry.ts'
import { createSignInSessions } from '../../src/sign-in/session/sign-in-sessions.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { startWorld } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)
const { store } = instance.core
const clock = () => instance.now()
const random = (length: number) => Buffer.alloc(length, 7)
const david = (await store.read.users.findByIdentifier('david'))?.user
if (!david) throw new Error('nobody')

const elsewhere = { network: undefined, deviceCookie: undefined }
const code: SignInMethod = {
  name: 'code',
  amr: ['otp', 'sms'],
  acr: 'urn:tessera:mfa',
  verify: async (sent) =>
    sent.get('code') === '1234'
      ? { user: david }
      : { user: undefined, rule: 'password-wrong', cause: 'the code is wrong' },
}
const methods = createSignInMethods([code], clock)
const sessions = createSignInSessions({ ...store, clock, random, limits: { idle: 1000, absolute: 1000 } })

await t.test('a session stores how and when the person proved who they are', async (t) => {
  const proof = await methods.prove('code', createForm({ code: '1234' }), elsewhere)
  if (!proof.user) throw new Error(proof.cause)
  t.strictSame(proof, { user: david, amr: ['otp', 'sms'], acr: 'urn:tessera:mfa', at: instance.now() })
  const { cookie, facts } = await sessions.start(proof, undefined)
  t.match(facts, { authTime: proof.at, amr: proof.amr, acr: proof.acr })
  const live = await sessions.find(cookie)
  matchesWhole(t, live?.session, {
    authTime: proof.at,
    amr: ['otp', 'sms'],
    acr: 'urn:tessera:mfa',
    createdAt: proof.at,
  })
})

await t.test('whoever proves nothing has no proof, and says why as the method does', async (t) => {
  const failure = await methods.prove('code', createForm({ code: '4321' }), elsewhere)
  t.strictSame(failure, { user: undefined, rule: 'password-wrong', cause: 'the code is wrong' })
})

await t.test('a method that is not offered proves nobody', (t) =>
  t.rejects(methods.prove('password', createForm({}), elsewhere), { message: 'there is no sign-in method password' }),
)
