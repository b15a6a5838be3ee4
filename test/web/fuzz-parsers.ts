// SQLite alone: asks no database
// Timed: how long parsers take

import fc from 'fast-check'
import t from 'tap'
import { RESOURCE_DEFAULTS } from '../../src/domain/access/api-resource.ts'
import { readResources } from '../../src/domain/access/resource-indicators.ts'
import { readKeySet } from '../../src/domain/apps/app-keys.ts'
import { createForm, refuseRepeated } from '../../src/domain/protocol/form.ts'
import {
  appendParameters,
  matchesRegistered,
  originOf,
  whyNotNotifiable,
} from '../../src/domain/protocol/redirect-uri.ts'
import { whyUnregistrable } from '../../src/domain/protocol/registrable-uri.ts'
import { readScope } from '../../src/domain/protocol/scope.ts'
import { Refused } from '../../src/domain/refusals/errors.ts'
import type { RefusalRule } from '../../src/domain/refusals/refusal-rule.ts'
import { isWholeReferenceToken, newReferenceToken } from '../../src/domain/tokens/reference-token.ts'
import { readCompactJws } from '../../src/lib/crypto/compact-jws.ts'
import { deriveKey, open, seal } from '../../src/lib/crypto/sealed-box.ts'
import { systemRandom } from '../../src/lib/crypto/secrets.ts'
import { parseStrictJson } from '../../src/lib/crypto/strict-json.ts'
import { readClaims } from '../../src/oauth/authorize/checks/claims.ts'
import { readMaxAge } from '../../src/oauth/authorize/checks/max-age.ts'
import { readPrompt } from '../../src/oauth/authorize/checks/prompt.ts'
import { parametersIn, requireMeantForUs } from '../../src/oauth/authorize/request/check-request-object.ts'
import { createInteractions } from '../../src/oauth/authorize/sealed-interaction.ts'
import { readCredentials } from '../../src/oauth/client-auth/credentials.ts'
import { readMetadata } from '../../src/oauth/registration/read-metadata.ts'
import { createReadNotices } from '../../src/oauth/tokens/lookup/read-notices.ts'
import { readIfMatch } from '../../src/web/kit/requests/preconditions.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { holds, isLinear, refusesAtMost, textOf } from '../fixtures/attacks/fuzz.ts'

const wellFormed = (text: string): string => Buffer.from(text).toString()
const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const formOf = (fields: Readonly<Record<string, string | string[]>>) => createForm(fields)
const oneField = (name: string) => (value: string) => formOf({ [name]: value })

await t.test('forms: repeated, missing, empty and odd names and values', async () => {
  const values = fc.oneof(textOf('openid'), fc.array(textOf('x'), { maxLength: 20 }))
  const names = fc.constantFrom('scope', 'code', 'resource', 'state', '__proto__', 'constructor', 'a[b]', '')
  const forms = fc
    .array(fc.tuple(names, values))
    .map((pairs) => Object.fromEntries(pairs) as Record<string, string | string[]>)
  for (const read of ['get', 'require', 'has'] as const)
    refusesAtMost(fc.tuple(forms, names), ([fields, name]) => formOf(fields)[read](name), Refused)
  refusesAtMost(forms, (fields) => refuseRepeated(formOf(fields)).all('resource'), Refused)
  holds(textOf('x'), (value) => {
    const form = oneField('state')(value)
    return value.length > 2048 || form.get('state') === (value === '' ? undefined : value)
  })
})

await t.test('RFC 6749 §2.3.1: client credentials in the header and in the body', async (t) => {
  const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)
  const basic = (id: string, secret: string): string =>
    `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
  const headers = fc.oneof(
    textOf('Basic', 'Basic ', 'YTpi', '==', 'Bearer x'),
    textOf('a:b', ':', 'my.trusted.app/web').map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
  )
  const fields = fc.record(
    {
      client_id: textOf('a'),
      client_secret: textOf('b'),
      client_assertion_type: textOf('x'),
      client_assertion: textOf('e30.e30.'),
    },
    { requiredKeys: [] },
  )
  refusesAtMost(
    fc.tuple(fc.option(headers, { nil: undefined }), fields),
    ([header, body]) => readCredentials(header, formOf(body)),
    Refused,
  )
  const sound = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => text.length <= 100)
  holds(fc.tuple(sound, sound), ([id, secret]) => {
    const read = readCredentials(basic(id, secret), formOf({}))
    return read.clientId === id && read.secret === secret
  })
  isLinear(
    t,
    'Basic header',
    (text) => readCredentials(text, formOf({})),
    (length) => `Basic ${'A '.repeat(length)}`,
  )
})

await t.test('RFC 6749 §3.3: scopes', async (t) => {
  refusesAtMost(textOf('openid', 'read', ' '), readScope, Refused)
  const names = fc.uniqueArray(fc.stringMatching(/^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/), { minLength: 1, maxLength: 64 })
  holds(names, (scopes) => readScope(scopes.join(' ')).join() === scopes.join())
  isLinear(t, 'scope', readScope, (length) => 'a '.repeat(length))
})

await t.test('RFC 9700 §2.1: redirect URIs, compared byte for byte', async (t) => {
  const words = [
    'https://',
    'http://',
    '127.0.0.1',
    '[::1]',
    'app.example.com',
    ':51004',
    '/cb',
    '?x=1',
    'com.example.app:/oauth',
    'javascript:',
  ]
  const uris = textOf(...words)
  const ANY = { schemes: 'any', plainHttp: 'private' } as const
  holds(uris, (uri) => [whyUnregistrable(uri, ANY), whyNotNotifiable(uri), originOf(uri)].every((told) => told !== ''))
  holds(fc.tuple(uris, uris), ([sent, known]) => matchesRegistered(sent, known, false) === (sent === known))
  const hosts = ['http://127.0.0.1', 'http://[::1]', 'http://localhost']
  const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\]):[1-9]\d{0,4}(\/|\?|$)/
  holds(fc.tuple(uris, fc.constantFrom(...hosts), uris), ([sent, host, rest]) => {
    if (!matchesRegistered(sent, `${host}/${rest}`, true) || sent === `${host}/${rest}`) return true
    return loopback.test(sent) && new URL(sent).hostname === new URL(host).hostname && sent.endsWith(`/${rest}`)
  })
  holds(
    fc.tuple(
      fc.constantFrom('https://a.example/cb', 'https://a.example/cb?x=1'),
      fc.dictionary(textOf('state'), textOf('x')),
    ),
    ([uri, given]) => {
      const sent = new URL(appendParameters(uri, given)).searchParams
      return Object.entries(given).every(
        ([name, value]) => name === 'x' || sent.get(wellFormed(name)) === wellFormed(value),
      )
    },
  )
  isLinear(
    t,
    'registration',
    (uri) => whyUnregistrable(uri, ANY),
    (length) => `https://${'a.'.repeat(length)}`,
  )
  isLinear(
    t,
    'comparison',
    (uri) => matchesRegistered(uri, 'http://127.0.0.1/cb', true),
    (length) => `http://127.0.0.1:${'1'.repeat(length)}/cb`,
  )
})

await t.test('RFC 8707: resource indicators', async () => {
  const catalogue = {
    defaultResource: 'DomainAPI',
    resources: [{ identifier: 'https://api.example', scopes: [{ name: 'read' }], ...RESOURCE_DEFAULTS }],
  }
  const values = fc.array(textOf('https://api.example', 'DomainAPI', '#'), { maxLength: 20 })
  refusesAtMost(
    values,
    (resource) => readResources(formOf({ resource }), { apiResources: [] }, catalogue as never),
    Refused,
  )
})

await t.test('RFC 7515 §7.1: compact JWS and the JSON in it', async (t) => {
  const jws = textOf('eyJhbGciOiJub25lIn0', '.', 'e30', '_', '-', '=')
  holds(jws, (text) => readCompactJws(text, 16_384) === undefined || /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text))
  const objects = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value))
  holds(fc.tuple(objects, objects), ([header, payload]) => {
    const read = readCompactJws(`${base64url(header)}.${base64url(payload)}.`, 1e6)
    return read !== undefined && JSON.stringify({ ...(JSON.parse(payload) as object) }) === JSON.stringify(read.payload)
  })
  holds(fc.tuple(objects, textOf('\u00ff', '\ud800')), ([header, noise]) => {
    const odd = Buffer.from(noise, 'latin1').toString('base64url')
    return (
      readCompactJws(`${base64url(header)}.${odd}.${odd}`, 1e6) === undefined ||
      parseStrictJson(wellFormed(noise)) !== undefined
    )
  })
  holds(fc.jsonValue(), (value) => parseStrictJson(JSON.stringify(value)) !== undefined)
  holds(fc.tuple(fc.string(), fc.jsonValue(), fc.jsonValue()), ([name, first, second]) => {
    const twin = `${JSON.stringify(name)}:${JSON.stringify(first)}`
    return parseStrictJson(`{${twin},${JSON.stringify(name)}:${JSON.stringify(second)}}`) === undefined
  })
  holds(textOf('{', '}', '"a"', ':', ',', '[', ']', '1', '\\u0061', '\ufeff'), (text) => {
    const read = parseStrictJson(text)
    return read === undefined || JSON.stringify(read.value) === JSON.stringify(JSON.parse(text))
  })
  isLinear(
    t,
    'dots',
    (text) => readCompactJws(text, 1e9),
    (length) => '.'.repeat(length),
  )
  isLinear(t, 'brackets', parseStrictJson, (length) => '['.repeat(length))
  isLinear(
    t,
    'names',
    parseStrictJson,
    (length) => `{${Array.from({ length: length / 10 }, (_, n) => `"${n}":0`).join()}}`,
  )
  isLinear(t, 'quotes', parseStrictJson, (length) => `"${'\\"'.repeat(length)}`)
})

await t.test('OIDC Core §5.5, §3.1.2.1: claims, prompt and max_age', async () => {
  const json = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc
      .record(
        {
          userinfo: fc.jsonValue(),
          id_token: fc.dictionary(fc.constantFrom('acr', 'sub', 'email', '__proto__'), fc.jsonValue()),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
    textOf('{"userinfo":', 'null', '}', '{"id_token":{"acr":'),
  )
  refusesAtMost(json, (claims) => readClaims(formOf({ claims })), Refused)
  refusesAtMost(textOf('none', 'login', ' '), (prompt) => readPrompt(formOf({ prompt })), Refused)
  holds(textOf('0', '1', '3600', '-', 'e', '.'), (max_age) => {
    try {
      const read = readMaxAge(formOf({ max_age }), { defaultMaxAge: undefined })
      return read === undefined
        ? max_age === ''
        : Number.isSafeInteger(read) && read >= 0 && String(read) === max_age.replace(/^0+(?=\d)/, '')
    } catch (error) {
      return error instanceof Refused
    }
  })
})

await t.test('RFC 9101 §4: what a request object holds', async () => {
  const refuse = (rule: RefusalRule, cause: string) => new Refused('invalid_request_object', 'refused', { rule, cause })
  const claims = fc.dictionary(
    fc.constantFrom(
      'client_id',
      'scope',
      'max_age',
      'claims',
      'resource',
      'exp',
      'nbf',
      'aud',
      'iss',
      'sub',
      'request',
      '__proto__',
    ),
    fc.jsonValue(),
  )
  const context = {
    app: { applicationUri: 'a' },
    sent: formOf({ client_id: 'a' }),
    issuer: 'https://i.example',
    now: 0,
    refuse,
  }
  refusesAtMost(claims, (given) => requireMeantForUs(given, context as never), Refused)
  holds(claims, (given) => {
    try {
      return Object.values(parametersIn(given, refuse)).every((value) =>
        [value].flat().every((one) => typeof one === 'string'),
      )
    } catch (error) {
      return error instanceof Refused
    }
  })
})

await t.test('sealed boxes and the interactions in them', async () => {
  const key = deriveKey('a secret of 32 characters or more!', 'test')
  const boxes = {
    seal: (text: string, context: string) => seal(key, text, context),
    open: (box: string, context: string) => open(key, box, context),
  }
  holds(textOf('AAAA', '_', '-', '='), (text) => open(key, text, 'authorize') === undefined)
  holds(fc.string({ unit: 'grapheme' }), (text) => open(key, seal(key, text, 'a'), 'a') === text)
  holds(fc.tuple(fc.string(), fc.nat()), ([text, at]) => {
    const box = seal(key, text, 'a')
    const bytes = Buffer.from(box, 'base64url')
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 1
    return open(key, bytes.toString('base64url'), 'a') === undefined && open(key, box, 'b') === undefined
  })
  const interactions = createInteractions({
    boxes,
    clock: () => 0,
    random: systemRandom,
    issuer: 'https://i.example/id',
  })
  refusesAtMost(textOf('AAAA', 'e30'), (text) => interactions.open(text, undefined), Refused)
})

await t.test('reference tokens: their checksum tells a slip', async (t) => {
  holds(textOf('enrt_', '0'.repeat(64), 'A'), (text) => typeof isWholeReferenceToken(text) === 'boolean')
  holds(fc.tuple(fc.nat({ max: 68 }), fc.constantFrom(...'0123456789ABCDEFabcdefx_')), ([at, digit]) => {
    const token = newReferenceToken(systemRandom)
    const spoiled = `${token.slice(0, at)}${digit}${token.slice(at + 1)}`
    return isWholeReferenceToken(token) && (spoiled === token || !isWholeReferenceToken(spoiled))
  })
  isLinear(t, 'digits', isWholeReferenceToken, (length) => `enrt_${'0'.repeat(length)}`)
})

await t.test('RFC 7591 §2: client metadata', async () => {
  const members = fc.constantFrom(
    'redirect_uris',
    'response_types',
    'grant_types',
    'scope',
    'jwks',
    'client_name',
    'contacts',
    'default_max_age',
    'token_endpoint_auth_method',
    'application_type',
    '__proto__',
  )
  const values = fc.oneof(
    fc.jsonValue(),
    textOf('https://app.example.com/cb', 'code'),
    fc.array(textOf('https://a.example/', 'http://[::1', 'code', 'code id_token'), { maxLength: 25 }),
  )
  const grantTypes = ['authorization_code', 'refresh_token']
  const offer = { responseTypes: ['code', 'code id_token'], grantTypes } as const
  const scopes = { allowed: ['read'], byDefault: [] }
  holds(fc.dictionary(members, values), (body) =>
    readMetadata(body, offer, scopes).complaints.every(({ name, reason }) => name !== '' && reason !== ''),
  )
})

await t.test('RFC 7517: key sets', async (t) => {
  const keys = fc.array(
    fc.record(
      {
        kty: fc.constantFrom('RSA', 'EC', 'OKP', 'oct', 1),
        crv: fc.constantFrom('P-256', 'Ed25519', 'P-999'),
        n: textOf('AQAB'),
        e: textOf('AQAB'),
        x: textOf('AQAB'),
        y: fc.jsonValue(),
        kid: fc.jsonValue(),
        key_ops: fc.jsonValue(),
      },
      { requiredKeys: ['kty'] },
    ),
    { maxLength: 40 },
  )
  holds(
    fc.oneof(
      keys.map((list) => JSON.stringify({ keys: list })),
      textOf('{"keys":', '[', ']', '}'),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    ),
    (text) => {
      const { keys: usable, faults } = readKeySet(text)
      return usable.length + faults.length > 0
    },
  )
  isLinear(t, 'brackets', readKeySet, (length) => `{"keys":${'['.repeat(length)}`)
})

await t.test('cursors of pages and of notices, and entity tags', async (t) => {
  const readNotices = createReadNotices({
    tokenNotices: { since: async () => [] },
    clock: () => 1_800_000_000_000,
  })
  for (const since of fc.sample(fc.oneof(textOf('0 0 ', '1 2 a-f'), textOf('0 0 ', '1 2 a-f').map(base64url)), {
    seed: 7,
    numRuns: 500,
  })) {
    const outcome = await readNotices(since).then(
      () => 'read',
      (error: unknown) => error,
    )
    if (outcome !== 'read' && !(outcome instanceof Refused)) t.fail(`${since}: ${String(outcome)}`)
  }
  const { next } = await readNotices(undefined)
  matchesWhole(t, await readNotices(next), { notices: [] }, 'what it gave out it takes')
  const headers = textOf('"', 'W/', ',', '*', ' ', '"x"')
  refusesAtMost(headers, (value) => readIfMatch({ headers: { 'if-match': value } } as never)('x'), Refused)
  isLinear(
    t,
    'entity tags',
    (value) => readIfMatch({ headers: { 'if-match': value } } as never),
    (length) => `"x"${' , '.repeat(length)}`,
  )
  isLinear(
    t,
    'spaces after a tag',
    (value) => readIfMatch({ headers: { 'if-match': value } } as never),
    (length) => `"x"${' '.repeat(length)}x`,
  )
})
