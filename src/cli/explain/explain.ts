import type { Command } from 'commander'
import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import type { Refusal } from '../../domain/refusals/refusal.ts'
import { type Explanation, explainRefusal } from '../../operations/refusals/explain-refusal.ts'
import { expectedLines } from '../kit/expected-lines.ts'
import { helpText } from '../kit/help.ts'
import { readLineFromStdin } from '../kit/input.ts'
import { block, columns, print } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { createReadRegistered } from '../kit/registered.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { terminalOf } from '../kit/terminal.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'
import type { ClaimsPreview } from './preview-claims.ts'
import type { Trial } from './trial.ts'
import { tryAuthorize } from './try-authorize.ts'
import { type DescribedRequest, tryToken } from './try-token.ts'

const HELP = helpText(
  [
    "tessera explain 'https://id.example.com/id/connect/authorize?client_id=my.trusted.app/web&...'",
    "tessera explain 'https://id.example.com/id/connect/authorize?...' --user david",
    'tessera explain token --grant client_credentials --client my.trusted.app/sync',
  ],
  `Runs every check that the server would run and previews the claims of the tokens; signs nothing and changes nothing. With --json each
check has passed: true, false, or null if it was not reached or a flag for it is missing.
Exit codes: 0 the request would succeed; 1 it would be refused; 2 wrong flag or value.`,
)

const TOKEN_HELP = helpText(
  [
    'tessera explain token --grant client_credentials --client my.trusted.app/sync --scope read',
    'tessera explain token --grant authorization_code --client my.trusted.app/web --user david --scope "openid read"',
    'tessera explain token --grant client_credentials --client my.trusted.app/sync --resource https://reports.example.com',
  ],
  `--user is the person who signed in, --scope what they granted at sign-in, without a resource; --resource is the API of this token.`,
)

/** `tessera explain ...`: how a request would fare, without a browser. */
export function explainCommand(program: Command): void {
  const explain = program
    .command('explain')
    .description('check a request without sending it, and preview its tokens')
    .argument('<authorize-url>', 'the whole URL to which an app sends the browser, in quotes')
    .option('--user <user>', 'the person who signs in: login, e-mail or id')
    .helpCommand(false)
    .addHelpText('after', HELP)
    .action(explainAuthorize)
  explain
    .command('token')
    .description('check a token request')
    .requiredOption('--grant <type>', 'authorization_code, refresh_token or client_credentials')
    .requiredOption('--client <application-uri>', 'the client_id of the app')
    .option('--scope <scopes>', 'scopes to ask for (default: all scopes of the record)')
    .option('--resource <identifier>', 'an API the token is for; may be repeated', repeated)
    .option('--redirect-uri <uri>', 'redirect URI sent with the code')
    .option('--secret-stdin', 'also check the client secret, read from standard input')
    .addHelpText('after', TOKEN_HELP)
    .action(explainToken)
}

function explainAuthorize(text: string, flags: { readonly user?: string }, command: Command): Promise<void> {
  if (!URL.canParse(text))
    throw wrongUsage(`${JSON.stringify(text)} is not a URL; give the whole URL, starting with https:`)
  const url = new URL(text)
  return withCoreAsItIs(command, async (core, config) => {
    const { client_id: client, response_type, redirect_uri, scope } = Object.fromEntries(url.searchParams)
    const request = {
      endpoint: '/connect/authorize',
      client,
      parameters: given({ response_type, redirect_uri, scope }),
    }
    await report(command, await tryAuthorize(url, flags.user, core, config), request, core, config)
  })
}

type TokenFlags = Omit<DescribedRequest, 'secret'> & { readonly secretStdin?: boolean }

async function explainToken({ secretStdin, ...asked }: TokenFlags, command: Command): Promise<void> {
  // The flag belongs to the parent, so that the help tells it once.
  const { user } = command.optsWithGlobals<{ user?: string }>()
  const secret = secretStdin ? { secret: await readLineFromStdin(command, 'client secret') } : {}
  await withCoreAsItIs(command, async (core, config) => {
    const trial = await tryToken({ ...asked, ...(user === undefined ? {} : { user }), ...secret }, core, config)
    const { grant, client, scope, redirectUri } = asked
    const parameters = given({ grant_type: grant, scope, redirect_uri: redirectUri })
    await report(command, trial, { endpoint: '/connect/token', client, parameters }, core, config)
  })
}

const given = (parameters: Readonly<Record<string, string | undefined>>): Refusal['parameters'] =>
  Object.fromEntries(Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined))

/** What is asked of which endpoint, as the explanation of a refusal needs it. */
interface About {
  readonly endpoint: string
  readonly client: string | undefined
  /** Those that a remedy may look at. */
  readonly parameters: Refusal['parameters']
}

async function report(
  command: Command,
  { checks, proved, refusal }: Trial<ClaimsPreview>,
  { endpoint, client, parameters }: About,
  { store }: Core,
  { issuer }: Config,
): Promise<void> {
  const registered = createReadRegistered(store.read)
  const explanation =
    refusal &&
    explainRefusal(
      { ...toRefusal(refusal, new URL(issuer + endpoint).pathname, client), parameters },
      await registered({ app: client, detail: refusal.detail, parameters }),
    )
  const outcome = refusal ? 'refused' : 'accepted'
  const refused = explanation && refusal ? { ...withoutId(explanation), description: refusal.description } : null
  const text = [rowsOf(checks), ...(refused ? [refusedText(refused)] : []), ...(proved ? [claimsText(proved)] : [])]
  print(command, { outcome, checks, claims: proved ?? null, refusal: refused }, text.join('\n\n'))
  if (refusal) terminalOf(command).exitCode = 1
}

/** The record the server would keep of it. */
const toRefusal = ({ code, description, detail }: Refused, endpoint: string, app: string | undefined) => ({
  id: '',
  endpoint,
  error: code,
  description,
  detail,
  app,
})

const withoutId = ({ id, ...explanation }: Explanation): Omit<Explanation, 'id'> => explanation

const rowsOf = (checks: Trial<unknown>['checks']): string =>
  columns(
    checks.map(({ name, passed, detail }) => [passed === null ? '-' : passed ? 'passed' : 'FAILED', name, detail]),
  )

function refusedText(refused: Omit<Explanation, 'id'> & { readonly description: string }): string {
  const { error, description, cause, sent, nearest, fix, otherwise } = refused
  const entries = { cause, sent, expected: expectedLines(refused), nearest, fix, or: otherwise }
  const shown = Object.entries(entries).filter(
    (entry): entry is [string, string | readonly string[]] => entry[1] !== null && entry[1].length > 0,
  )
  return `The request would be refused with ${error}: ${description}\n${block(shown)}`
}

const claimsText = (claims: ClaimsPreview): string =>
  [
    'The request would succeed.',
    ...Object.entries(claims).map(
      ([token, content]: [string, Readonly<Record<string, unknown>>]) =>
        `\nClaims of the ${token}:\n${block(Object.entries(content).map(([name, value]) => [name, JSON.stringify(value)]))}`,
    ),
  ].join('\n')
