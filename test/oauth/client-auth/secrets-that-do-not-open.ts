import t from 'tap'
import { newMasterKey } from '../../../src/lib/crypto/master-key.ts'
import { type Refusal, refused } from '../../fixtures/answers/refusals.ts'
import { documentOf, tesseraOn, words } from '../../fixtures/cli/cli.ts'
import { asserting, assertionClaims, macKey, signAs } from '../../fixtures/clients/app-keys.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import type { Answer } from '../../fixtures/clients/http.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { startWorld } from '../../fixtures/instance/world.ts'
import { alter, query } from '../../fixtures/store/database.ts'

const MAC = 'my.trusted.app/mac'
const REGISTER = `app register ${MAC} --service --system-user svc.sync --scope read --set TokenEndpointAuthMethod=client_secret_jwt --json`
const ROTATE = `app rotate-secret ${MAC} --overlap 1h --json`

type Made = Readonly<Record<'client_secret' | 'secret_id', string>>

const made = async (document: Promise<Record<string, unknown>>): Promise<Made> => (await document) as Made

async function ask(instance: Instance, secret: string): Promise<Answer> {
  const assertion = await signAs(macKey(secret), assertionClaims(instance, MAC))
  return requestToken(instance, { grant_type: 'client_credentials', ...asserting(assertion) })
}

/** A box that was sealed under a key that is gone. */
const lose = (instance: Instance, id: string): Promise<unknown> =>
  alter(instance, `update app_secrets set sealed_secret = 'AAAA' where id = '${id}'`)

const lost = (id: string): Refusal => ({
  status: 401,
  error: 'invalid_client',
  description: 'the app is unknown, or its authentication is wrong or missing',
  cause: {
    rule: 'app-secret-does-not-open',
    cause: `the secret ${id} of the app does not open under any master key at hand`,
  },
})

await t.test('client_secret_jwt: a secret that no master key opens is refused, and everybody is told', async (t) => {
  const { instance } = await startWorld(t)
  const tessera = tesseraOn(instance)
  const { client_secret: secret } = await made(documentOf(tessera(words(REGISTER))))
  const [{ id } = { id: '' }] = await query<{ id: string }>(
    instance,
    'select id from app_secrets where application_uri = ?',
    MAC,
  )
  t.equal((await ask(instance, secret)).status, 200)
  await lose(instance, id)

  const answer = await ask(instance, secret)
  refused(t, instance, answer, lost(id))
  const shown = await tessera(['refusal', 'show', String(answer.json['refusal_id'])])
  t.match(shown.stdout, /cause +the secret \S+ of the app does not open under any master key at hand\n/)
  t.match(shown.stdout, new RegExp(`fix +tessera app rotate-secret ${MAC}\n`))
  t.match(shown.stdout, 'to keep the secret instead: put back the master key')

  const doctor = await tessera(words('doctor --no-online'))
  t.match(
    doctor.stdout,
    `the secret ${id} does not open under any master key at hand; tessera app rotate-secret ${MAC}\n`,
  )
  t.match(doctor.stdout, /ok +master key in force /, 'no change of the key was left unfinished')
  const checked = await tessera(words('db check'))
  t.equal(checked.code, 1)
  t.match(checked.stdout, `the secret ${id} of ${MAC} does not open under the master key; tessera app rotate-secret`)
  const reseal = await tessera(words('key reseal --yes'))
  t.equal(reseal.code, 1)
  t.match(reseal.stderr, `the app secret ${id} does not open under any master key at hand; tessera db check tells more`)

  await t.test('another secret of the app counts all the same', async (t) => {
    const { client_secret: second, secret_id: its } = await made(documentOf(tessera(words(ROTATE))))
    t.equal((await ask(instance, second)).status, 200)
    refused(t, instance, await ask(instance, secret), lost(id))
    const told = (await tessera(words('doctor --no-online'))).stdout
    t.match(
      told,
      `the secret ${id} does not open under any master key at hand; tessera app remove-secret ${MAC} ${id}\n`,
    )
    t.notMatch(told, its)
    t.equal((await tessera(['app', 'remove-secret', MAC, id])).code, 0)
    t.equal((await ask(instance, second)).status, 200, 'which the fix leaves alone')
    t.notMatch((await tessera(words('doctor --no-online'))).stdout, 'does not open')
    await lose(instance, its)
  })

  const { client_secret: anew } = await made(documentOf(tessera(words(`app rotate-secret ${MAC} --json`))))
  t.equal((await ask(instance, anew)).status, 200)
  t.notMatch((await tessera(words('doctor --no-online'))).stdout, 'does not open')
  t.equal((await tessera(words('key reseal --yes'))).code, 0)
  t.equal((await ask(instance, anew)).status, 200)
})

await t.test('a signing key that no master key opens is no unfinished change of it either', async (t) => {
  const { instance } = await startWorld(t)
  const [{ kid } = { kid: '' }] = await query<{ kid: string }>(instance, 'select kid from signing_keys order by kid')
  await alter(instance, `update signing_keys set sealed_private_jwk = 'AAAA' where kid = '${kid}'`)
  const tessera = tesseraOn(instance)
  const told = await tessera(words('doctor --no-online'))
  t.equal(told.code, 1)
  t.match(
    told.stdout,
    `${kid} does not open under any master key at hand; put back the master key that it was sealed under (TESSERA_MASTER_KEY_FILE), or, where that is lost: tessera key revoke ${kid}\n`,
  )
  t.notMatch(told.stdout, 'was not finished')
  t.equal((await tessera(['key', 'revoke', kid, '--yes'])).code, 0)
  t.notMatch((await tessera(words('doctor --no-online'))).stdout, 'does not open')
  t.equal((await tessera(words('key reseal --yes'))).code, 0)
})

await t.test('a node that lacks the key in force says "later" to an app, and not "never"', async (t) => {
  const [first, second] = [newMasterKey(), newMasterKey()]
  const instance = await startInstance({ settings: { TESSERA_MASTER_KEY: first.text } })
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'svc.sync', type: 'SystemUserNoLogin' })
  const both = tesseraOn(instance, { TESSERA_MASTER_KEY: `${first.text},${second.text}` })
  const { client_secret: secret } = await made(documentOf(both(words(REGISTER))))
  t.equal((await ask(instance, secret)).status, 200)
  t.equal((await both(words('key reseal'))).code, 0)
  const answer = await ask(instance, secret)
  t.equal(answer.status, 503)
  t.equal(answer.json['error'], 'temporarily_unavailable')
  t.ok(answer.headers.get('retry-after'))
})
