// SQLite alone: is about settings and the file of the master key
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigurationFaults } from '../../src/config/configuration-faults.ts'
import { readConfig } from '../../src/config/read-config.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { keysFor, loadKeyRing, MasterKeyFault, type MasterKeySource } from '../../src/lib/crypto/master-key.ts'
import { parseDatabaseUrl } from '../../src/lib/net/database-url.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraProcess, tesseraWith } from '../fixtures/cli/cli.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The fault lines of a configuration; none when it is sound. */
function faultsOf(environment: Environment, file?: string): readonly string[] {
  try {
    readConfig(environment, file)
    return []
  } catch (error) {
    if (error instanceof ConfigurationFaults) return error.faults
    throw error
  }
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-configuration-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function fileOf(t: Test, text: string): string {
  const file = join(folderOf(t), 'tessera.env')
  writeFileSync(file, text)
  return file
}

const NO_EXTRAS = 'must not have a query, a fragment or a user name'
const NORMAL = 'must be in normal form, without a trailing slash:'
const HTTPS = 'must be https (plain http is for loopback only):'
const LISTEN = 'is not an address and port, such as 127.0.0.1:5080 or [::1]:5080:'
const NETWORK = 'holds something that is not an address or CIDR:'
const LENGTH = 'is not a length of time, such as 30m, 8h or 14d:'
const RANGE = 'must be from 1m to 365d:'
const TEXT = 'must be at most 500 characters without control characters'
const FILE_URL = 'must be a file: URL, such as file:./data/tessera.db, or postgres://USER:PASSWORD@HOST:PORT/DATABASE'
const FILE_PARAMETER = 'has a ? or #, but a file takes no parameters; in a name write %3F for ? and %23 for #'
const UNENCRYPTED = 'has sslmode=disable, which is for a server on this machine only; use verify-full'
const UNVERIFIED =
  'has sslmode=require, which does not verify the server; use verify-full, with sslrootcert=FILE for your own certificate authority'
const UNKNOWN_PARAMETER = 'has the unknown parameter password; supported: sslmode, sslrootcert, host'
const EXEMPT = 'holds something that is not a host, such as api.internal:8443:'
const COUNT = 'must be a whole number from 2 to 1000:'
const ALGORITHMS = `must be one of ${SETTINGS.TESSERA_SIGNING_ALGORITHM.help}:`
const LEVELS = 'must be one of trace, debug, info, warn, error, silent:'
const BOOLEAN = 'must be one of true, false:'

/** Setting, value, and how the line goes on after the name. */
const WRONG: readonly (readonly [string, string, string])[] = [
  ['TESSERA_ISSUER', 'id.example.com', 'is not a URL: id.example.com'],
  ['TESSERA_ISSUER', '/id', 'is not a URL: /id'],
  ['TESSERA_ISSUER', 'https://', 'is not a URL: https://'],
  ['TESSERA_ISSUER', 'https://id.example.com:99999/id', 'is not a URL: https://id.example.com:99999/id'],
  ['TESSERA_ISSUER', 'http://id.example.com/id', `${HTTPS} http://id.example.com/id`],
  ['TESSERA_ISSUER', 'http://10.0.0.5/id', `${HTTPS} http://10.0.0.5/id`],
  ['TESSERA_ISSUER', 'http://localhost.example.com', `${HTTPS} http://localhost.example.com`],
  ['TESSERA_ISSUER', 'ftp://localhost/id', `${HTTPS} ftp://localhost/id`],
  ['TESSERA_ISSUER', 'javascript:alert(1)', `${HTTPS} javascript:alert(1)`],
  ['TESSERA_ISSUER', 'https://id.example.com/id/', `${NORMAL} https://id.example.com/id`],
  ['TESSERA_ISSUER', 'https://id.example.com/', `${NORMAL} https://id.example.com`],
  ['TESSERA_ISSUER', 'https://ID.example.com/id', `${NORMAL} https://id.example.com/id`],
  ['TESSERA_ISSUER', 'https://id.example.com:443/id', `${NORMAL} https://id.example.com/id`],
  ['TESSERA_ISSUER', 'https://id.example.com/a/../id', `${NORMAL} https://id.example.com/id`],
  ['TESSERA_ISSUER', 'https://id.example.com/id?x=1', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://id.example.com/id?', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://id.example.com/id#here', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://id.example.com/id#', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://david@id.example.com/id', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://:canary@id.example.com/id', NO_EXTRAS],
  ['TESSERA_ISSUER', 'https://david:canary@id.example.com:99999/id', NO_EXTRAS],
  ['TESSERA_LISTEN', '5080', `${LISTEN} 5080`],
  ['TESSERA_LISTEN', 'localhost', `${LISTEN} localhost`],
  ['TESSERA_LISTEN', '127.0.0.1:', `${LISTEN} 127.0.0.1:`],
  ['TESSERA_LISTEN', ':5080', `${LISTEN} :5080`],
  ['TESSERA_LISTEN', '127.0.0.1:65536', `${LISTEN} 127.0.0.1:65536`],
  ['TESSERA_LISTEN', '127.0.0.1:-1', `${LISTEN} 127.0.0.1:-1`],
  ['TESSERA_LISTEN', '::1:5080', `${LISTEN} ::1:5080`],
  ['TESSERA_LISTEN', '[abc]:5080', `${LISTEN} [abc]:5080`],
  ['TESSERA_LISTEN', '[zz]:5080', `${LISTEN} [zz]:5080`],
  ['TESSERA_LISTEN', 'http://127.0.0.1:5080', `${LISTEN} http://127.0.0.1:5080`],
  ['TESSERA_DATABASE_URL', './data/tessera.db', FILE_URL],
  [
    'TESSERA_DATABASE_URL',
    'file://db.example.com/tessera.db',
    'names the host db.example.com; a file is on this machine: write file:/PATH or file:///PATH',
  ],
  ['TESSERA_DATABASE_URL', 'file:/srv/tessera.db?mode=ro', FILE_PARAMETER],
  ['TESSERA_DATABASE_URL', 'file:///srv/#1/tessera.db', FILE_PARAMETER],
  [
    'TESSERA_DATABASE_URL',
    'file:/srv/100%/tessera.db',
    'has a % that is not an escape; write a literal percent sign as %25',
  ],
  ['TESSERA_DATABASE_URL', 'file:/srv/%00.db', 'has a %00, which no file name can hold'],
  ['TESSERA_DATABASE_URL', 'file://localhost', 'must name a file: file:/PATH/tessera.db'],
  ['TESSERA_DATABASE_URL', 'file:/srv/', 'must name a file: file:/PATH/tessera.db'],
  ['TESSERA_DATABASE_URL', 'file:', FILE_URL],
  ['TESSERA_DATABASE_URL', 'sqlite:tessera.db', FILE_URL],
  ['TESSERA_DATABASE_URL', 'mysql://tessera:canary@db/tessera', FILE_URL],
  ['TESSERA_DATABASE_URL', 'postgres://tessera:canary@db:x/tessera', FILE_URL],
  ['TESSERA_DATABASE_URL', 'postgres://tessera:canary@db/', 'must name the database: postgres://HOST/DATABASE'],
  ['TESSERA_DATABASE_URL', 'postgres://tessera:canary@db/tessera?sslmode=disable', UNENCRYPTED],
  ['TESSERA_DATABASE_URL', 'postgres://tessera:canary@db/tessera?sslmode=require', UNVERIFIED],
  ['TESSERA_DATABASE_URL', 'postgres://db/tessera?password=canary', UNKNOWN_PARAMETER],
  ['TESSERA_DATABASE_CONNECTIONS', '1', `${COUNT} 1`],
  ['TESSERA_DATABASE_CONNECTIONS', 'ten', `${COUNT} ten`],
  ['TESSERA_OUTBOUND_EXEMPT_HOSTS', 'api.internal, https://x', `${EXEMPT} https://x`],
  ['TESSERA_OUTBOUND_EXEMPT_HOSTS', 'api.internal:0', `${EXEMPT} api.internal:0`],
  ['TESSERA_OUTBOUND_EXEMPT_HOSTS', 'api.internal:65536', `${EXEMPT} api.internal:65536`],
  ['TESSERA_OUTBOUND_EXEMPT_HOSTS', '[10.0.0.1]:80', `${EXEMPT} [10.0.0.1]:80`],
  ['TESSERA_TRUSTED_PROXIES', '1', `${NETWORK} 1`],
  ['TESSERA_TRUSTED_PROXIES', 'true', `${NETWORK} true`],
  ['TESSERA_TRUSTED_PROXIES', 'proxy.internal', `${NETWORK} proxy.internal`],
  ['TESSERA_TRUSTED_PROXIES', '10.0.0.0/33', `${NETWORK} 10.0.0.0/33`],
  ['TESSERA_TRUSTED_PROXIES', '10.0.0.0/', `${NETWORK} 10.0.0.0/`],
  ['TESSERA_TRUSTED_PROXIES', '10.0.0.0/8/8', `${NETWORK} 10.0.0.0/8/8`],
  ['TESSERA_TRUSTED_PROXIES', 'fd00::/129', `${NETWORK} fd00::/129`],
  ['TESSERA_TRUSTED_PROXIES', '127.0.0.1, 10.0.0', `${NETWORK} 10.0.0`],
  ['TESSERA_SIGNING_ALGORITHM', 'none', `${ALGORITHMS} none`],
  ['TESSERA_SIGNING_ALGORITHM', 'HS256', `${ALGORITHMS} HS256`],
  ['TESSERA_SIGNING_ALGORITHM', 'rs256', `${ALGORITHMS} rs256`],
  ['TESSERA_KEY_ROTATION', '1d', 'must be from 2d to 365d: 1d'],
  ['TESSERA_KEY_ROTATION', 'never', `${LENGTH} never`],
  ['TESSERA_KEY_PUBLISH_AHEAD', '23h', 'must be from 1d to 365d: 23h'],
  ['TESSERA_KEY_PUBLISH_AHEAD', '90d', 'must be shorter than TESSERA_KEY_ROTATION'],
  ['TESSERA_KEY_RETIRE_AFTER', '24h', 'must be from 25h to 365d: 24h'],
  ['TESSERA_SESSION_IDLE', '30', `${LENGTH} 30`],
  ['TESSERA_SESSION_IDLE', '1.5h', `${LENGTH} 1.5h`],
  ['TESSERA_SESSION_IDLE', '-5m', `${LENGTH} -5m`],
  ['TESSERA_SESSION_IDLE', '8 h', `${LENGTH} 8 h`],
  ['TESSERA_SESSION_IDLE', '59s', `${RANGE} 59s`],
  ['TESSERA_SESSION_ABSOLUTE', '0', `${RANGE} 0`],
  ['TESSERA_SESSION_ABSOLUTE', '366d', `${RANGE} 366d`],
  ['TESSERA_SESSION_ABSOLUTE', '2w', `${LENGTH} 2w`],
  ['TESSERA_COMPAT_SCOPE_ARRAY', 'yes', `${BOOLEAN} yes`],
  ['TESSERA_COMPAT_SCOPE_ARRAY', 'TRUE', `${BOOLEAN} TRUE`],
  ['TESSERA_COMPAT_SUBJECT_LOGIN', '1', `${BOOLEAN} 1`],
  ['TESSERA_COMPAT_PROFILE_EMAIL', 'on', `${BOOLEAN} on`],
  ['TESSERA_LOG_LEVEL', 'verbose', `${LEVELS} verbose`],
  ['TESSERA_LOG_LEVEL', 'Info', `${LEVELS} Info`],
  ['TESSERA_INSTANCE', 'a\u0007b', TEXT],
  ['TESSERA_INSTANCE_NAME', 'x'.repeat(501), TEXT],
  ['TESSERA_AUDIENCE', 'two\nlines', TEXT],
  ['TESSERA_DATA_DIR', './data\u0000', TEXT],
  ['TESSERA_METRICS_TOKEN', 'canary', 'must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / -'],
  ['TESSERA_SHUTDOWN_DELAY', '2m', 'is not a length of time up to one minute, such as 2s: 2m'],
  ['TESSERA_ISUER', 'https://canary.example', 'is not a setting; did you mean TESSERA_ISSUER?'],
  ['TESSERA_', 'canary', 'is not a setting; tessera settings and docs/settings.md list them all'],
  ['TESSERA_issuer', 'https://canary.example', 'is not a setting; did you mean TESSERA_ISSUER?'],
  ['TESSERA_PRODUCTION', 'yes', `${BOOLEAN} yes`],
  ['TESSERA___proto__', 'canary', 'is not a setting; tessera settings and docs/settings.md list them all'],
]

await t.test(`R-24: ${WRONG.length} wrong settings, each with its exact line`, async (t) => {
  for (const [name, value, fault] of WRONG) {
    const faults = faultsOf({ [name]: value })
    t.strictSame(faults, [`${name} ${fault}`], `${name}=${JSON.stringify(value).slice(0, 60)}`)
    t.notMatch(faults.join('\n'), /canary/, 'what may be a secret is not repeated')
  }
})

await t.test('everything wrong is named at once, one line each', async (t) => {
  t.strictSame(
    faultsOf({
      TESSERA_NOPE: 'x',
      TESSERA_ISSUER: 'http://id.example.com',
      TESSERA_LISTEN: '5080',
      TESSERA_LOG_LEVEL: 'loud',
      TESSERA_AUDIENCE: 'fine',
    }),
    [
      'TESSERA_NOPE is not a setting; tessera settings and docs/settings.md list them all',
      `TESSERA_ISSUER ${HTTPS} http://id.example.com`,
      `TESSERA_LISTEN ${LISTEN} 5080`,
      `TESSERA_LOG_LEVEL ${LEVELS} loud`,
    ],
  )
})

await t.test('a sound configuration has no fault, and nothing given is the default', async (t) => {
  t.strictSame(faultsOf({}), [])
  t.strictSame(faultsOf({ OTHER: 'x', TESSERA_LISTEN: ' [::1]:5080 ', TESSERA_TRUSTED_PROXIES: '10.0.0.0/8,::1' }), [])
  const blank = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '  ']))
  t.strictSame(readConfig(blank, undefined), readConfig({}, undefined), 'a blank value counts as not given')
  t.equal(readConfig({}, undefined).issuer, 'http://localhost:5080/id')
  t.equal(readConfig({ TESSERA_DATA_DIR: '/srv/id' }, undefined).database.url, 'file:/srv/id/tessera.db')
  t.strictSame(readConfig({ TESSERA_LISTEN: '[::1]:5080' }, undefined).http.host, '::1')
})

await t.test('RFC 8089: the URL of a file is read as a URL', async (t) => {
  for (const [url, path] of [
    ['file:data/tessera.db', 'data/tessera.db'],
    ['file:./data/tessera.db', './data/tessera.db'],
    ['file:/srv/tessera.db', '/srv/tessera.db'],
    ['file:///srv/tessera.db', '/srv/tessera.db'],
    ['file://localhost/srv/tessera.db', '/srv/tessera.db'],
    ['file:/srv/my%20data/100%25/%3F%23.db', '/srv/my data/100%/?#.db'],
    ['file:/srv/my data/tessera.db', '/srv/my data/tessera.db'],
  ] as const)
    t.strictSame(parseDatabaseUrl(url), { kind: 'file', path }, url)
  const folder = '/srv/100% #1?'
  const { url } = readConfig({ TESSERA_DATA_DIR: folder }, undefined).database
  t.strictSame(parseDatabaseUrl(url), { kind: 'file', path: `${folder}/tessera.db` }, 'so is that of a data folder')
})

await t.test(
  'a relative path in the configuration file counts from that file, wherever a command is run',
  async (t) => {
    const file = fileOf(t, 'TESSERA_DATA_DIR=data\nTESSERA_MASTER_KEY_FILE=../keys/master.key\n')
    const folder = dirname(file)
    const { database, masterKey } = readConfig({}, file)
    t.equal(database.url, `file:${folder}/data/tessera.db`)
    t.equal(masterKey.file, join(folder, '../keys/master.key'))
    const urlIn = (text: string): string => readConfig({}, fileOf(t, `TESSERA_DATABASE_URL=${text}\n`)).database.url
    t.match(urlIn('file:my%20data/tessera.db'), /^file:\/.*\/my data\/tessera\.db$/)
    t.equal(urlIn('file:/srv/tessera.db'), 'file:/srv/tessera.db')
    t.match(urlIn('postgres://db.example.com/tessera?sslrootcert=ca.pem'), /\?sslrootcert=%2F.*%2Fca\.pem$/)
    t.equal(
      readConfig({ TESSERA_DATA_DIR: 'here' }, file).database.url,
      'file:here/tessera.db',
      'one of the environment counts from the present folder',
    )
  },
)

await t.test('no second instance is made where a relative path once led to the first', async (t) => {
  const present = folderOf(t)
  t.equal((await tesseraProcess({ TESSERA_DATA_DIR: join(present, 'data') })(['db', 'migrate'])).code, 0)
  for (const [line, path] of [
    ['TESSERA_DATA_DIR=data', 'data/tessera.db'],
    ['TESSERA_DATABASE_URL=file:data/tessera.db', 'data/tessera.db'],
    ['TESSERA_MASTER_KEY_FILE=data/master.key', 'data/master.key'],
  ] as const) {
    const file = fileOf(t, `${line}\n`)
    const { code, stdout, stderr } = await tesseraProcess({}, present)(['--config', file, 'db', 'migrate'])
    t.strictSame([code, stdout], [2, ''], line)
    t.ok(
      stderr.includes(`leads to ${join(dirname(file), path)}, where nothing is, but ${join(present, path)} is`),
      stderr,
    )
    t.notOk(existsSync(join(dirname(file), 'data')))
  }
})

await t.test('the environment wins over the file, and the file over the defaults', async (t) => {
  const file = fileOf(
    t,
    '# comment\n\nTESSERA_AUDIENCE=FromFile\nexport TESSERA_INSTANCE="from file" # why\r\nTESSERA_LOG_LEVEL=warn\n',
  )
  const config = readConfig({ TESSERA_AUDIENCE: 'FromEnvironment' }, file)
  t.equal(config.tokens.audience, 'FromEnvironment')
  t.equal(config.tokens.instance, 'from file')
  t.equal(config.http.logLevel, 'warn')
  t.equal(config.instanceName, 'Tessera')
  t.strictSame(
    faultsOf({ TESSERA_LISTEN: '127.0.0.1:1' }, fileOf(t, 'TESSERA_LISTEN=nowhere')),
    [],
    'what loses is moot',
  )
})

await t.test('the file is held to the same rules', async (t) => {
  const wrong = fileOf(t, 'TESSERA_AUDIENC=x\nTESSERA_LISTEN=80\n')
  t.strictSame(faultsOf({}, wrong), [
    `TESSERA_AUDIENC is not a setting (line 1 of ${wrong}); did you mean TESSERA_AUDIENCE?`,
    `TESSERA_LISTEN ${LISTEN} 80`,
  ])
  const spoilt = fileOf(t, 'TESSERA_LISTEN=127.0.0.1:80\nTESSERA_MASTER_KEY canary\n\n# fine\n=x\n')
  t.strictSame(faultsOf({}, spoilt), [`line 2 of ${spoilt} is not NAME=value`, `line 5 of ${spoilt} is not NAME=value`])
  t.strictSame(faultsOf({}, '/nowhere/tessera.env'), [
    `the configuration file /nowhere/tessera.env cannot be read: ENOENT: no such file or directory, open '/nowhere/tessera.env'`,
  ])
})

await t.test('names in the file that are for other programs are ignored, and near misses are not', async (t) => {
  const shared = fileOf(t, 'NODE_ENV=production\nPGPASSWORD=canary\nPGPASSWORD=again\nTESSERA_INSTANCE=acme\n')
  t.strictSame(faultsOf({}, shared), [])
  t.equal(readConfig({}, shared).tokens.instance, 'acme')
  const near = fileOf(t, '# mine\nTESERA_ISSUER=https://canary.example\nexport tessera_listen=127.0.0.1:80\n')
  t.strictSame(faultsOf({}, near), [
    `TESERA_ISSUER is not a setting (line 2 of ${near}); did you mean TESSERA_ISSUER?`,
    `tessera_listen is not a setting (line 3 of ${near}); did you mean TESSERA_LISTEN?`,
  ])
})

await t.test('a value in quotes may go over several lines, also one of another program', async (t) => {
  const pem = '-----BEGIN KEY-----\nTESSERA+in/base64==\nMIIB==\n-----END KEY-----'
  for (const quote of ['"', "'", '`']) {
    const file = fileOf(
      t,
      `OTHER_KEY=${quote}${pem}${quote}\nexport TLS_KEY = ${quote}\r\n${pem}\n${quote} # end\nTESSERA_INSTANCE=shop\n`,
    )
    t.equal(readConfig({}, file).tokens.instance, 'shop', quote)
  }
  const [one, two] = ['x', 'y'].map((letter) => Buffer.from(letter.repeat(32)).toString('base64'))
  const keys = fileOf(t, `TESSERA_MASTER_KEY="${one}\n${two}"\nTESSERA_INSTANCE=shop\n`)
  t.equal(readConfig({}, keys).masterKey.value, `${one}\n${two}`)
  t.equal(readConfig({}, keys).tokens.instance, 'shop')
  const padded = 'ABCD==\nABCDEFG=\n-----BEGIN KEY-----\nABC='
  const whole = fileOf(t, `TESSERA_MASTER_KEY="${padded}" # two\nTESSERA_INSTANCE=shop\n`)
  t.equal(readConfig({}, whole).masterKey.value, padded, 'lines that end in padding are no settings')
  const twice = fileOf(t, `KEY="\n\n"\nTESSERA_INSTANCE=a\nTESSERA_INSTANCE=b\n`)
  t.match(faultsOf({}, twice).join(), 'lines 4, 5; keep', 'lines are counted on')
})

await t.test('a quote that is not closed hides no setting, and is told with its line', async (t) => {
  for (const [text, expected] of [
    ['TESSERA_INSTANCE="shop\nTESSERA_LISTEN=":80"\n', ['line 1 of FILE opens a quote that is not closed']],
    [
      'TESSERA_INSTANCE="shop\nexport PATH="$PATH"\nTESSERA_LISTEN=":80"\n',
      ['line 1 of FILE opens a quote that is not closed'],
    ],
    ['TESSERA_INSTANCE="shop\nGREETING="hello"\n', ['line 1 of FILE opens a quote that is not closed']],
    ['TESSERA_INSTANCE="shop"s\n', ['line 1 of FILE has more than a comment behind the closing quote']],
    ['TESSERA_MASTER_KEY="a\nb" c\nOTHER="x" y\n', ['line 2 of FILE has more than a comment behind the closing quote']],
    ["GREETING='tis\nINCHES=\"\nTESSERA_LISTEN='80'\n", [`TESSERA_LISTEN ${LISTEN} 80`]],
    [
      "# a\nKEY='-----BEGIN\nabc def\nTESSERA_LISTEN='80'\n",
      ['line 3 of FILE is not NAME=value; the quote that line 2 opens is not closed'],
    ],
  ] as const) {
    const file = fileOf(t, text)
    t.strictSame(
      faultsOf({}, file),
      expected.map((fault) => fault.replace('FILE', file)),
      text,
    )
  }
})

await t.test('a name twice in the file is a fault, and a byte order mark is taken', async (t) => {
  const twice = fileOf(t, 'TESSERA_INSTANCE=canary\n\nexport TESSERA_INSTANCE=canary2\nTESSERA_INSTANCE=\n')
  t.strictSame(faultsOf({ TESSERA_INSTANCE: 'x' }, twice), [
    `TESSERA_INSTANCE is set more than once in ${twice}: lines 1, 3, 4; keep the line that is meant`,
  ])
  t.equal(readConfig({}, fileOf(t, '\ufeffTESSERA_INSTANCE=acme\r\n')).tokens.instance, 'acme')
})

await t.test('master key: made for its owner alone outside production, and never made anew', async (t) => {
  const file = join(folderOf(t), 'keys', 'master.key')
  const source = { value: undefined, file, mayCreate: true }
  const key = loadMasterKey(source)
  t.equal(key.length, 32)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(join(file, '..')).mode & 0o777, 0o700)
  t.strictSame(loadMasterKey(source), key, 'a second start reads it')
  t.strictSame(loadMasterKey({ ...source, mayCreate: false }), key, 'and production, too')
  t.equal(readConfig({}, undefined).masterKey.mayCreate, true)
  t.equal(readConfig({ NODE_ENV: 'production' }, undefined).masterKey.mayCreate, false)
  t.equal(readConfig({}, fileOf(t, 'TESSERA_PRODUCTION=true\n')).masterKey.mayCreate, false)
  t.equal(readConfig({ TESSERA_PRODUCTION: 'false' }, fileOf(t, 'TESSERA_PRODUCTION=true\n')).masterKey.mayCreate, true)
})

await t.test('master key: each wrong one has its line, and is not repeated', async (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'master.key')
  const bytes = randomBytes(32)
  const wrongValue = (value: string): string => faultOf(() => loadMasterKey({ value, file, mayCreate: true }))
  const atLeast = 'bytes; a master key has at least 32 (openssl rand -base64 32)'
  const neither = 'is neither base64 nor hex; create one with: openssl rand -base64 32'
  t.equal(wrongValue('Y2FuYXJ5'), `TESSERA_MASTER_KEY holds 6 ${atLeast}`)
  t.equal(wrongValue(bytes.toString('hex').slice(0, 32)), `TESSERA_MASTER_KEY holds 16 ${atLeast}`)
  t.equal(wrongValue('canary canary canary canary canary canary canary canary'), `TESSERA_MASTER_KEY ${neither}`)
  t.equal(wrongValue(`${bytes.toString('base64')}!`), `TESSERA_MASTER_KEY ${neither}`)
  t.notOk(existsSync(file), 'nor is a file made instead')
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    t.strictSame(loadMasterKey({ value: bytes.toString(encoding), file, mayCreate: false }), bytes, encoding)
  }

  const wrongFile = (): string => faultOf(() => loadMasterKey({ value: undefined, file, mayCreate: false }))
  const missing = `there is no master key: ${file} does not exist. Create it with: (umask 077; mkdir -p ${folder} && openssl rand -base64 32 > ${file})`
  t.equal(wrongFile(), missing)
  writeFileSync(file, 'canary', { mode: 0o600 })
  t.equal(wrongFile(), `${file} holds 4 ${atLeast}`)
  writeFileSync(file, bytes.toString('base64'))
  chmodSync(file, 0o640)
  t.equal(wrongFile(), `${file} can be read by users other than its owner; fix it with: chmod 600 ${file}`)
  rmSync(file)
  const inFile = { value: undefined, file: join(folder, 'keys'), mayCreate: true }
  writeFileSync(inFile.file, '')
  t.match(
    faultOf(() => loadMasterKey({ ...inFile, file: join(inFile.file, 'master.key') })),
    / cannot be (read|created): E/,
  )
})

await t.test('master key: several keys are told from a long one that is written on several lines', async (t) => {
  const [one, two, long] = [randomBytes(32), randomBytes(32), randomBytes(96)].map((bytes) => bytes.toString('base64'))
  const ringOf = (value: string) => loadKeyRing({ value, file: '/nowhere', mayCreate: false })
  const textsOf = (value: string): string[] => ringOf(value).keys.map(({ text }) => text)
  for (const between of [',', ', ', ' ', '\n', '\r\n'])
    t.strictSame(textsOf(`${one}${between}${two}\n`), [one, two], JSON.stringify(between))
  t.strictSame(textsOf(`${one}\n${one}\n`), [one], 'each of them once')
  t.equal(
    faultOf(() => ringOf(`${one}\nY2FuYXJ5`)),
    'key 2 of TESSERA_MASTER_KEY holds 6 bytes; a master key has at least 32 (openssl rand -base64 32)',
  )
  const [wrapped = '', rest = ''] = [long?.slice(0, 64), long?.slice(64)]
  const ring = ringOf(`${wrapped}\n${rest}\n`)
  t.strictSame(keysFor(ring, ring.wrapped?.mark)[0].bytes.toString('base64'), long, 'one, where the database says so')
  t.strictSame(
    keysFor(ring, undefined).map(({ text }) => text),
    [wrapped, rest],
  )
  t.strictSame(textsOf(`${wrapped}\n${rest.slice(0, 20)}\n`), [wrapped + rest.slice(0, 20)], 'lines that are no keys')
})

await t.test('the command: faults go to stderr, one line each, exit code 2', async (t) => {
  const folder = join(folderOf(t), 'data')
  const file = fileOf(t, 'TESSERA_LISTEN=80\n')
  const wrong = { TESSERA_DATA_DIR: folder, TESSERA_ISUER: 'x' }
  const lines = `TESSERA_ISUER is not a setting; did you mean TESSERA_ISSUER?\nTESSERA_LISTEN ${LISTEN} 80\n`
  for (const command of ['serve', 'db migrate', 'app list']) {
    const outcome = await tesseraWith(wrong)(['--config', file, ...command.split(' ')])
    t.strictSame(outcome, { code: 2, stdout: '', stderr: lines }, command)
  }
  t.notOk(existsSync(folder), 'and nothing was made')
})

await t.test(
  'the command: a folder that cannot be made is told at once',
  { skip: !existsSync('/proc/self') },
  async (t) => {
    for (const command of ['apply -', 'db migrate', 'serve']) {
      const started = performance.now()
      const outcome = await tesseraWith({ TESSERA_DATA_DIR: '/proc/tessera/data' })(command.split(' '), 'apps: []')
      matchesWhole(t, outcome, {
        code: 1,
        stdout: '',
        stderr: /the folder \/proc\/tessera cannot be created \(ENOENT\); set TESSERA_DATA_DIR to another one\n$/,
      })
      t.ok(performance.now() - started < 10_000, 'a loop would never end')
    }
  },
)

await t.test(
  'the first start in production tells how to make a master key, in a line that works when it is pasted',
  async (t) => {
    const settings = { TESSERA_DATA_DIR: join(folderOf(t), "David's data", 'new'), NODE_ENV: 'production' }
    const { stderr } = await tesseraWith(settings)(['db', 'migrate'])
    t.equal((await tesseraWith(settings)(['serve'])).stderr.includes('Create it with: '), true)
    const [, line = ''] =
      /Create it with: (.*)\n$/.exec((await tesseraWith(settings)(['apply', '-'], 'apps: []')).stderr) ?? []
    t.equal(stderr.includes('created a new instance'), true, 'the schema alone needs no key')
    execFileSync('sh', ['-c', line])
    t.equal(statSync(join(settings.TESSERA_DATA_DIR, 'master.key')).mode & 0o777, 0o600)
    const first = await tesseraWith(settings)(['app', 'list'])
    t.equal(first.code, 0, first.stderr)
  },
)

await t.test('the command: production does not start without a master key, nor with another one', async (t) => {
  const folder = folderOf(t)
  const key = join(folder, 'master.key')
  const settings = { TESSERA_DATA_DIR: folder, NODE_ENV: 'production' }
  const refused = (line: string) => ({ code: 1, stdout: '', stderr: `${line}\n` })
  const missing = `there is no master key: ${key} does not exist. Create it with: (umask 077; mkdir -p ${folder} && openssl rand -base64 32 > ${key})`
  t.strictSame(await tesseraWith(settings)(['serve']), refused(missing))
  t.notOk(existsSync(key))
  const short = await tesseraWith({ ...settings, TESSERA_MASTER_KEY: 'Y2FuYXJ5' })(['serve'])
  t.strictSame(
    short,
    refused('TESSERA_MASTER_KEY holds 6 bytes; a master key has at least 32 (openssl rand -base64 32)'),
  )
  await tesseraWith({ TESSERA_DATA_DIR: folder })(['db', 'migrate'])
  const first = await tesseraWith({ TESSERA_DATA_DIR: folder })(['user', 'add', 'david'])
  t.equal(first.code, 0, first.stderr)
  t.equal(statSync(key).mode & 0o777, 0o600)
  const made = readFileSync(key, 'utf8')
  const other = await tesseraWith({ ...settings, TESSERA_MASTER_KEY: randomBytes(32).toString('hex') })(['serve'])
  t.strictSame(other, refused('this is not the master key that this database was created with'))
  t.equal(readFileSync(key, 'utf8'), made)
})

function loadMasterKey(source: MasterKeySource): Buffer {
  return loadKeyRing(source).keys[0].bytes
}

function faultOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (!(error instanceof MasterKeyFault)) throw error
    if (/canary|Y2FuYXJ5/.test(error.message)) throw new Error('the key is repeated')
    return error.message
  }
  return 'no fault'
}
