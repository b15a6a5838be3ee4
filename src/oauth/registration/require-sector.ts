import { FETCHABLE } from '../../admin/apps/validate-app.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { onceAtATime } from '../../lib/flow/once-at-a-time.ts'
import type { WhileOutside } from '../../lib/flow/outside.ts'
import { type Outbound, OutboundFailure } from '../../lib/net/outbound.ts'
import { parseForeignJson } from '../../lib/text/bounded-json.ts'
import { MEMBERS, type MetadataComplaint } from './client-metadata.ts'

export type FetchSector = (url: string) => Promise<readonly unknown[]>

/** URLs that this server could not fetch from. */
export function notFetchable(
  changes: Partial<AppRegistration>,
  { whyNotFetchable }: Pick<Outbound, 'whyNotFetchable'>,
): MetadataComplaint[] {
  return MEMBERS.filter(({ fetched }) => fetched).flatMap(({ name, show }) => {
    const url = show(changes as AppRegistration)
    const isBad = typeof url === 'string' && whyNotFetchable(url) !== undefined
    return isBad ? [{ name, reason: FETCHABLE }] : []
  })
}

/** Only whoever keeps the list may share a sector: every redirect URI must be on it. @see OIDC Registration §5, OIDC Core §8.1 */
export async function requireSector(
  {
    sectorIdentifierUri: url,
    impersonateLoginUrl,
  }: Pick<AppRegistration, 'impersonateLoginUrl'> & Partial<AppRegistration>,
  fetchSector: FetchSector,
): Promise<void> {
  if (url === undefined) return
  const listed = await fetchSector(url)
  const missing = impersonateLoginUrl.filter((uri) => !listed.includes(uri))
  if (missing.length > 0)
    throw refuse(`${missing.length} redirect URIs are missing in it, such as ${(missing[0] ?? '').slice(0, 300)}`, url)
}

// Anybody may register: however many addresses they name, apps that wait for their own keys find room.
const LISTS = 'the lists of sectors'

/** Fetches the list of a sector, once for everybody who asks for it at the same time. */
export function createFetchSector({ get }: Pick<Outbound, 'get'>, whileOutside: WhileOutside): FetchSector {
  const fetchOnce = onceAtATime((url) => fetchList(url, get))
  return (url) => whileOutside([url, LISTS], () => fetchOnce(url))
}

async function fetchList(url: string, get: Outbound['get']): Promise<readonly unknown[]> {
  try {
    const { status, body } = await get(url, { accept: 'application/json' })
    if (status !== 200) throw refuse(`it answered with ${status}`, url)
    const listed = parseForeignJson(body)
    if (Array.isArray(listed)) return listed
  } catch (error) {
    if (error instanceof OutboundFailure) throw refuse(`it could not be fetched: ${error.message}`, url)
    if (!(error instanceof SyntaxError)) throw error
  }
  throw refuse('the response is not a JSON array', url)
}

/** One sentence for all there is: another for each would tell a stranger what listens in the network around this server. */
const refuse = (cause: string, sent: string): Refused =>
  new Refused(
    'invalid_client_metadata',
    'sector_identifier_uri: must answer with a JSON array that lists every redirect URI',
    { rule: 'registration-sector', cause, sent },
  )
