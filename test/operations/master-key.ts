import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { firstLastingKeys } from '../../src/lib/crypto/lasting-keys.ts'
import { keysFor, loadKeyRing, newMasterKey } from '../../src/lib/crypto/master-key.ts'
import { deriveKey, open } from '../../src/lib/crypto/sealed-box.ts'
import { reseal } from '../../src/operations/master-key/reseal.ts'
import { documentOf, type Outcome, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { asserting, assertionClaims, macKey, signAs } from '../fixtures/clients/app-keys.ts'
import { obtainCode, obtainTokens, redeem, refresh } from '../fixtures/clients/code-flow.ts'
import { introspect, requestToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { type Instance, PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { addApp, prepareSite, serve } from '../fixtures/instance/server-process.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { lockOut } from '../fixtures/sign-in/lock-out.ts'
import { atSignIn, isPastSignIn } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'

const PAIRWISE = 'pair/a'
const PAIRWISE_REDIRECT = 'https://one.example.com/cb'
const MAC = 'my.trusted.app/mac'
const REGISTER_MAC = `app register ${MAC} --service --system-user svc.sync --scope read --set TokenEndpointAuthMethod=client_secret_jwt --json`

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n')

/** How many rows open under each key of a file or a variable, in its order. */
async function rowsUnder(kept: { readonly databaseUrl: string }, keys: readonly string[]): Promise<number[]> {
  const rows = [
    ...(await query<{ id: string; box: string }>(
      kept,
      'select kid as id, sealed_private_jwk as box from signing_keys',
    )),
    ...(await query<{ id: string; box: string }>(
      kept,
      'select id, sealed_secret as box from app_secrets where sealed_secret is not null',
    )),
  ]
  return keys.map((key) => {
    const purposes = ['signing-keys', 'app-secrets'].map((purpose) => deriveKey(Buffer.from(key, 'base64'), purpose))
    return rows.filter(({ id, box }) => purposes.some((purpose) => open(purpose, box, id) !== undefined)).length
  })
}

function tellsNoKey(test: Test, { stdout, stderr }: Outcome, keys: readonly string[]): void {
  for (const key of keys) for (const said of [stdout, stderr]) test.notOk(said.includes(key.slice(0, 12)), 'no key')
}

async function addPairwise(instance: Instance): Promise<void> {
  await instance.addApp({
    applicationUri: PAIRWISE,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [PAIRWISE_REDIRECT],
    subjectType: 'pairwise',
  })
}

async function pairwiseSubject(instance: Instance): Promise<string> {
  const request = { client_id: PAIRWISE, redirect_uri: PAIRWISE_REDIRECT, scope: 'openid' }
  const code = await obtainCode(instance, request, { login: 'david', browser: createBrowser(instance.origin) })
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: PAIRWISE_REDIRECT }, basic(PAIRWISE)))
  return String(claimsOf(tokens.id_token)['sub'])
}

const macStatus = async (instance: Instance, secret: string): Promise<number> => {
  const assertion = await signAs(macKey(secret), assertionClaims(instance, MAC))
  return (await requestToken(instance, { grant_type: 'client_credentials', ...asserting(assertion) })).status
}

await t.test('key reseal: another master key, and nobody who is in the middle notices', async (t) => {
  const { instance } = await startWorld(t)
  const tessera = tesseraOn(instance)
  const file = join(instance.folder, 'master.key')
  await addPairwise(instance)
  const secret = String((await documentOf(tessera(words(REGISTER_MAC))))['client_secret'])
  const subject = await pairwiseSubject(instance)
  const tokens = await obtainTokens(instance)
  const known = createBrowser(instance.origin)
  t.ok(isPastSignIn(await (await atSignIn(instance, known)).enter('david', PASSWORD)))
  const begun = await atSignIn(instance)
  const guesses = await atSignIn(instance)
  for (let turn = 0; turn < 6; turn++) t.equal((await guesses.enter('anna', 'a wrong password')).status, 401)

  const answer = await tessera(words('key reseal --yes --json'))
  t.equal(answer.code, 0, answer.stderr)
  const signingKeys = (await query(instance, 'select kid from signing_keys')).length
  t.strictSame(JSON.parse(answer.stdout), {
    changed: true,
    resealed: { signingKeys, appSecrets: 1 },
    source: file,
    keysNotInForce: 1,
  })
  t.match(answer.stderr, `Back up ${file} now`)
  t.match(answer.stderr, `The earlier key is still in ${file}. Backups made before need it`)
  const keys = linesOf(file)
  t.equal(keys.length, 2)
  t.equal(statSync(file).mode & 0o777, 0o600)
  tellsNoKey(t, answer, keys)
  t.strictSame(await rowsUnder(instance, keys), [0, signingKeys + 1])
  const told = await query<{ detail: string }>(
    instance,
    `select detail from audit_events where event = 'master_key_changed'`,
  )
  t.strictSame(
    told.map(({ detail }) => JSON.parse(detail)),
    [{ signingKeys, appSecrets: 1 }],
  )

  t.ok(isPastSignIn(await begun.enter('david', PASSWORD)), 'a sign-in that began before')
  t.equal((await userinfo(instance, tokens.access_token)).status, 200)
  t.equal((await introspect(instance, tokens.access_token)).json['active'], true)
  t.equal((await refresh(instance, tokens.refresh_token)).status, 200)
  t.equal(await macStatus(instance, secret), 200, 'an app that signs with its secret')
  t.equal(await pairwiseSubject(instance), subject)
  const after = await atSignIn(instance)
  const statuses = []
  for (let turn = 0; turn < 5; turn++) statuses.push((await after.enter('anna', 'a wrong password')).status)
  t.strictSame(statuses, [401, 401, 401, 401, 429], 'attempts of before count')
  await lockOut(instance, 'david')
  t.ok(isPastSignIn(await (await atSignIn(instance, known)).enter('david', PASSWORD)), 'a device of before is known')

  const again = await tessera(words('key reseal --json'))
  t.strictSame([again.code, JSON.parse(again.stdout).changed], [0, false])
  t.match((await tessera(words('key reseal'))).stdout, 'There is nothing to do')
  t.match(
    (await tessera(words('doctor --no-online'))).stdout,
    /ok +master key in force +an earlier key is still at hand/,
  )

  writeFileSync(file, `${keys[0]}\n`, { mode: 0o600 })
  const earlier = await tessera(words('key list'))
  t.strictSame([earlier.code, earlier.stdout], [1, ''])
  t.match(earlier.stderr, `${file} holds an earlier master key; tessera key reseal put another one in force since`)
  writeFileSync(file, `${keys.join('\n')}\n`, { mode: 0o600 })

  t.equal((await tessera(words('key forget'))).code, 2, 'asks first')
  const forgotten = await tessera(words('key forget --yes --json'))
  t.strictSame(JSON.parse(forgotten.stdout), { forgotten: 1, source: file })
  tellsNoKey(t, forgotten, keys)
  t.strictSame(linesOf(file), [keys[1]])
  const restarted = await instance.restart()
  t.teardown(() => restarted.close())
  t.equal(await pairwiseSubject(restarted), subject, 'under the new key alone, too')
  t.equal(await macStatus(restarted, secret), 200)
  t.equal((await userinfo(restarted, tokens.access_token)).status, 200)
  const logged = JSON.stringify(instance.log.concat(restarted.log))
  t.notOk(
    keys.some((key) => logged.includes(key.slice(0, 12))),
    'no key on the log',
  )
})

await t.test(
  'a change that ends in the middle is finished by the next run, whatever was stored meanwhile',
  async (t) => {
    const { instance } = await startWorld(t)
    const tessera = tesseraOn(instance)
    const file = join(instance.folder, 'master.key')
    const secret = String((await documentOf(tessera(words(REGISTER_MAC))))['client_secret'])
    const tokens = await obtainTokens(instance)
    const target = newMasterKey()
    writeFileSync(file, `${readFileSync(file, 'utf8').trim()}\n${target.text}\n`)
    const ring = keysFor(loadKeyRing({ value: undefined, file, mayCreate: false }), undefined)
    const ended = reseal({
      read: instance.core.store.read,
      writeAlone: instance.core.store.writeAlone,
      keys: ring,
      target,
      lastingKeys: firstLastingKeys(ring[0].bytes),
      report: () => {
        throw new Error('ended between two units of work')
      },
      requireKept: () => undefined,
      record: async () => undefined,
    })
    await t.rejects(ended, /ended between/)
    const keys = linesOf(file)
    const [before = 0, under = 0] = await rowsUnder(instance, keys)
    t.ok(before > 0 && under > 0, 'some are under each')

    t.equal((await tessera(words('key rotate --algorithm ES256 --force'))).code, 0)
    t.strictSame(
      await rowsUnder(instance, keys),
      [before + 1, under],
      'what is stored meanwhile is under the one in force',
    )
    const restarted = await instance.restart()
    t.teardown(() => restarted.close())
    t.equal((await userinfo(restarted, tokens.access_token)).status, 200)
    t.equal(await macStatus(restarted, secret), 200)
    t.ok((await obtainTokens(restarted)).access_token, 'and all of it opens')
    t.match(
      (await tessera(words('doctor --no-online'))).stdout,
      /warning +master key in force +\d+ signing keys and app secrets/,
    )
    t.match(await tessera(words('key forget --yes')), {
      code: 1,
      stderr: /1 row is not sealed under the key in force; run tessera key reseal first/,
    })

    t.equal((await tessera(words('key reseal'))).code, 0)
    t.strictSame(await rowsUnder(instance, keys), [0, before + 1 + under])
    t.equal(await macStatus(restarted, secret), 200)
  },
)

await t.test(
  'a key from the environment: every node needs both first, and seals nothing without the new one',
  async (t) => {
    const [first, second] = [newMasterKey(), newMasterKey()]
    const instance = await startInstance({ settings: { TESSERA_MASTER_KEY: first.text } })
    t.teardown(() => instance.close())
    const refused = await tesseraOn(instance, { TESSERA_MASTER_KEY: first.text })(words('key reseal'))
    t.strictSame([refused.code, refused.stdout], [1, ''])
    t.match(
      refused.stderr,
      /^the master key comes from TESSERA_MASTER_KEY, which no command can change: give every node both/,
    )
    const both = tesseraOn(instance, { TESSERA_MASTER_KEY: `${first.text},${second.text}` })
    const changed = await documentOf(both(words('key reseal --json')))
    t.strictSame([changed['changed'], changed['source']], [true, 'TESSERA_MASTER_KEY'])

    const keys = [first.text, second.text]
    const sealed = await rowsUnder(instance, keys)
    t.equal(sealed[0], 0)
    const { keys: own } = instance.core
    await t.rejects(
      own.rotate({ algorithm: 'ES256', publishFor: 0, anew: true }, async () => undefined),
      { code: 'temporarily_unavailable' },
      'a node that lacks the key in force',
    )
    t.strictSame(await rowsUnder(instance, keys), sealed, 'has stored nothing')
    const ready = () => fetch(`${instance.origin}/health/ready`)
    t.equal((await eventually(ready, ({ status }) => status === 503)).status, 503)
    const said = instance.log.filter(({ msg }) => String(msg).startsWith('the master key was changed'))
    t.equal(said.length, 1, 'says so once')
    t.match(said[0]?.['msg'], /add it to TESSERA_MASTER_KEY and restart$/)
    t.equal(
      (await fetch(`${instance.issuer}/.well-known/openid-configuration/jwks`)).status,
      200,
      'and answers what it can',
    )
  },
)

await t.test('a server that runs changes over by itself, and starts with the new key alone', async (t) => {
  const site = await prepareSite(t)
  const file = join(site.folder, 'master.key')
  const server = await serve(t, site)
  const next = join(site.folder, 'next.key')
  writeFileSync(next, `${randomBytes(32).toString('base64')}\n`)
  chmodSync(next, 0o644)
  t.match(await site.tessera(['key', 'reseal', '--yes', '--new-key-file', next]), { code: 1, stderr: /chmod 600/ })
  chmodSync(next, 0o600)
  t.equal((await site.tessera(['key', 'reseal', '--yes', '--new-key-file', next])).code, 0)
  t.equal(linesOf(file)[1], linesOf(next)[0])
  const isOver = () => server.lines.some((line) => line.includes('changed over to another master key'))
  const asked = await eventually(async () => (await fetch(`${site.origin}/health/ready`)).status, isOver, 10_000)
  t.strictSame([asked, isOver()], [200, true])
  await addApp(site, 'my.trusted.app/late', '--service', '--system-user', await systemUser(site))
  t.equal((await site.tessera(['key', 'rotate', '--algorithm', 'EdDSA'])).code, 0)
  t.equal((await rowsUnder(site, linesOf(file)))[0], 0)
  t.equal((await site.tessera(['key', 'forget', '--yes'])).code, 0)
  server.kill('SIGTERM')
  t.equal((await server.ended()).code, 0)
  await serve(t, site)
})

async function systemUser({ tessera }: Awaited<ReturnType<typeof prepareSite>>): Promise<string> {
  await documentOf(tessera(words('user add svc.late --type SystemUserNoLogin --json')))
  return 'svc.late'
}
