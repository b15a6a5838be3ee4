// SQLite alone: is about texts, and asks no database
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { APP_DEFAULTS, type TrustedApplication } from '../../src/domain/apps/trusted-application.ts'
import type { Facts, Registered } from '../../src/operations/refusals/remedies/remedy.ts'
import { REMEDIES } from '../../src/operations/refusals/remedies.ts'
import { advisedIn, whyUnreadable } from '../fixtures/cli/advised-commands.ts'
import { AT_SIGN_IN } from '../fixtures/documents/mistakes/at-sign-in.ts'
import { MISTAKES } from '../fixtures/documents/mistakes/document.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
// Stands for what only the run knows: a name, a number, the whole rest of a command.
const VALUE = '7'

interface Text {
  readonly file: string
  readonly text: string
  /** Whether a part of it is only known when it is said. */
  readonly isPart: boolean
}

/** Every text of a source file, as it is written there. */
function textsOf(file: string): Text[] {
  const source = ts.createSourceFile(file, readFileSync(ROOT + file, 'utf8'), ts.ScriptTarget.Latest)
  const texts: Text[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node))
      texts.push({ file, text: node.text, isPart: false })
    if (ts.isTemplateExpression(node)) {
      const text = node.head.text + node.templateSpans.map(({ literal }) => VALUE + literal.text).join('')
      texts.push({ file, text, isPart: true })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return texts
}

const SOURCES = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('dist/'))
  .map((file) => `src/${file}`)

// A list of passwords, one of which is the name of the program; and what shells are given to run.
const NOT_ABOUT_COMMANDS = /^src\/(domain\/users\/common-passwords|cli\/completion\/[a-z]+-script)\.ts$/

/** A word in capitals is for people to replace. */
const filledIn = (words: readonly string[]): string[] => words.map((word) => (/^[A-Z]+$/.test(word) ? VALUE : word))

await t.test('every command that any text of the server advises is one that the program takes', async (t) => {
  const seen = new Set<string>()
  for (const { file, text, isPart } of SOURCES.filter((one) => !NOT_ABOUT_COMMANDS.test(one)).flatMap(textsOf)) {
    for (const { words, stands } of advisedIn(text)) {
      const line = `tessera ${words.join(' ')}`
      if (seen.has(line)) continue
      seen.add(line)
      const why = (await whyUnreadable(words)) && (await whyUnreadable(filledIn(words)))
      // What is put together, or only mentioned, may lack what belongs to it here.
      const isCutShort = (isPart || !stands) && /missing|help/i.test(why?.code ?? '')
      const isMadeUp = isPart && /(argument|option) '[a-z-]*7'/.test(why?.message ?? '')
      t.ok(why === undefined || isCutShort || isMadeUp, `${file}: ${line}: ${why?.message}`)
    }
  }
  t.ok(seen.size > 150, `${seen.size} commands`)
})

const appWith = (changes: Partial<TrustedApplication>): TrustedApplication => ({
  ...APP_DEFAULTS,
  applicationUri: 'my.app/x',
  name: '',
  clientType: 'Confidential',
  systemUser: undefined,
  isEnabled: true,
  epoch: 1,
  secrets: [],
  createdAt: 1,
  updatedAt: 1,
  ...changes,
})

const WITH_PEOPLE = { impersonateAsInternalUserAllowed: true, impersonateLoginUrl: ['https://a.example.com/cb'] }

/** Everybody whose request can be refused. */
const APPS: readonly (TrustedApplication | undefined)[] = [
  undefined,
  appWith({ ...WITH_PEOPLE, scope: ['read'], requireSignedRequestObject: true, clientAssertionAudience: 'issuer' }),
  appWith({ ...WITH_PEOPLE, clientType: 'Public' }),
  appWith({ clientType: 'None' }),
  appWith({ systemUserAllowed: true, tokenEndpointAuthSigningAlg: 'ES256' }),
  appWith({ tokenEndpointAuthMethod: 'private_key_jwt', jwksUri: 'https://a.example.com/jwks' }),
]

const RESOURCES = [
  { identifier: 'DomainAPI', scopes: [{ name: 'read', description: undefined }] },
  { identifier: 'https://reports.example.com', scopes: [{ name: 'reports.read', description: undefined }] },
]
const SENT = ['', 'reports.read', 'https://reports.example.com', "it's; rm -rf", 'private_key_jwt', 'code id_token']
const DETAILS = [
  {},
  { scope: 'reports.read', api: 'DomainAPI', parameter: 'grant_type', age: 30_000, user_type: 'InternalUser' },
  { scope: 'raed', cause: 'the user is disabled', user_type: 'ExternalCommunityUser', expected: 'openid profile' },
  { cause: 'the app does not admit internal users' },
]
const PARAMETERS = [
  {},
  { grant_type: 'client_credentials', scope: 'read' },
  { grant_type: 'refresh_token', redirect_uri: 'myapp://cb' },
  { response_type: 'code', redirect_uri: 'https://a.example.com/cb?x=$(id)' },
]

/** What may be known of a refusal, in many ways. */
function* everyCase(): Generator<Facts> {
  for (const app of APPS)
    for (const sent of SENT)
      for (const detail of DETAILS)
        for (const parameters of PARAMETERS) {
          const some = { systemUsers: ['svc.sync'], systemUser: undefined, user: 'anna', logins: [], apps: [] }
          const registered: Registered = {
            ...some,
            app,
            appsAt: [],
            resources: RESOURCES,
            defaultResource: 'DomainAPI',
          }
          const facts = { refusal: { parameters, detail }, registered, uri: 'my.app/x', sent }
          yield { ...facts, nearest: undefined }
          yield { ...facts, nearest: 'https://reports.example.com' }
        }
}

await t.test('every remedy of every rule advises whole commands, whatever was refused', async (t) => {
  const seen = new Set<string>()
  for (const facts of everyCase())
    for (const [rule, remedyOf] of Object.entries(REMEDIES)) {
      const { fix, otherwise = '' } = remedyOf(facts)
      for (const text of [fix, otherwise]) {
        if (seen.has(text)) continue
        seen.add(text)
        for (const { words } of advisedIn(text)) {
          const why = (await whyUnreadable(words)) && (await whyUnreadable(filledIn(words)))
          t.equal(why?.message, undefined, `${rule}: ${text}`)
        }
      }
    }
})

/** A command without what belongs to one case: its words, flags, and the names of attributes. */
const shapeOf = (words: readonly string[]): string[] => {
  const command = words.slice(0, 2).join(' ')
  const flags = words.flatMap((word, at) =>
    word === '--set' ? [`--set ${words[at + 1]?.split('=')[0]}`] : word.startsWith('--') ? [word] : [],
  )
  return flags.length === 0 ? [command] : flags.map((flag) => `${command} ${flag}`)
}

const shapesIn = (text: string): string[] =>
  advisedIn(text).flatMap(({ stands, words }) => (stands ? shapeOf(words) : []))

const NO_SERVER = 'needs a server of the app, which the document has none of'
const UNMADE = 'no row makes the mistake yet'
const SHOWS = 'lists what there is, and lets no request succeed'

/** What no row of docs/refusals.md runs, by rule, with the reason. */
const NO_ROW: Readonly<Record<string, string>> = {
  'app-jwt-algorithm: app update --set TokenEndpointAuthSigningAlg': UNMADE,
  'app-keys-missing: app update --set JwksUri': NO_SERVER,
  'app-keys-unreachable: app update --set JwksUri': NO_SERVER,
  'app-unknown: app register --scope': 'the rows register apps that people sign in to, and ask for no API scope',
  'assertion-for-another-audience: app update --set ClientAssertionAudience': UNMADE,
  'person-unknown: user add --generate-password': UNMADE,
  'person-unknown: user list': SHOWS,
  'record-unknown: app list': SHOWS,
  'reference-token-makes-none: token issue-pat --app': UNMADE,
  'reference-token-makes-none: token issue-pat --for': UNMADE,
  'refusal-unknown: refusal list': SHOWS,
  'registrations-full: app remove': 'needs as many apps as may register themselves',
  'request-object-missing: app update --set RequireSignedRequestObject': UNMADE,
  'request-uri-unregistered: app update --set RequestUris': NO_SERVER,
}

await t.test('what remedies advise is run by a row of docs/refusals.md, or says why it is not', (t) => {
  const ways = [...MISTAKES, ...AT_SIGN_IN].flatMap(({ fix, otherwise }) => [fix, ...(otherwise ? [otherwise] : [])])
  const run = new Set(ways.flatMap(({ says }) => shapesIn(says)))
  const left = new Set<string>()
  for (const facts of everyCase())
    for (const [rule, remedyOf] of Object.entries(REMEDIES)) {
      const { fix, otherwise = '' } = remedyOf(facts)
      for (const shape of [fix, otherwise].flatMap(shapesIn)) if (!run.has(shape)) left.add(`${rule}: ${shape}`)
    }
  t.strictSame([...left].sort(), Object.keys(NO_ROW).sort())
  t.end()
})
