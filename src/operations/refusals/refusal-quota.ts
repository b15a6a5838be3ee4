import type { Refusal } from '../../domain/refusals/refusal.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { isLoopback, networkOf } from '../../lib/net/network.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'

/** What anybody brings about as often as they like, and no record would mend. */
const NEVER: readonly RefusalRule[] = ['address-unknown', 'method-wrong', 'host-unknown', 'server-busy']
/** The same where no app is named, whose developer might ask for it. */
const FOR_APPS_ALONE: readonly RefusalRule[] = [
  'request-malformed',
  'request-too-long',
  'too-many-requests',
  'record-unknown',
  'refusal-unknown',
  'json-too-large',
  'json-type-wrong',
  'api-address-unknown',
  'api-method-wrong',
]

/** Rows a minute, at each node. */
const MOST = { network: 60, nameless: 600, all: 6000 }

/** Why a refusal is on the log alone. */
export type Unrecorded = 'rule' | 'network' | 'minute'

/** Says of each refusal whether it is worth a row, so that nobody pushes out what others will ask for. */
export function createRefusalQuota(clock: Clock) {
  let began = Number.NEGATIVE_INFINITY
  let networks = new Map<string, number>()
  let [all, nameless] = [0, 0]

  function beginMinute(): void {
    const now = clock()
    if (now >= began && now - began < MINUTE) return
    began = now
    networks = new Map()
    all = nameless = 0
  }

  /** @returns nothing for what is to be recorded, which counts from then on */
  return function whyUnrecorded(refusal: Refusal): Unrecorded | undefined {
    if (!isWorthARow(refusal)) return 'rule'
    beginMinute()
    const { app, address } = refusal
    if (all >= MOST.all || (app === undefined && nameless >= MOST.nameless)) return 'minute'
    // From this machine itself a proxy that is not declared speaks for everybody.
    const network = isLoopback(address) ? undefined : networkOf(address)
    const ofNetwork = network === undefined ? 0 : (networks.get(network) ?? 0)
    if (ofNetwork >= MOST.network) return 'network'
    if (network !== undefined) networks.set(network, ofNetwork + 1)
    all += 1
    if (app === undefined) nameless += 1
    return undefined
  }
}

function isWorthARow({ app, detail: { rule } }: Refusal): boolean {
  if (rule !== undefined && NEVER.includes(rule)) return false
  if (app !== undefined) return true
  return rule === undefined || !FOR_APPS_ALONE.includes(rule)
}
