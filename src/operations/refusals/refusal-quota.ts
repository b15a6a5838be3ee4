import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { isLoopback, networkOf } from '../../lib/net/network.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'

/** What anybody brings about as often as they like, and no record would mend. */
const NEVER: readonly RefusalRule[] = [
  'address-unknown',
  'address-guessed',
  'method-wrong',
  'host-unknown',
  'server-busy',
]
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

/** Rows a minute, at each node: of one network, of one app, of what names no registered app, and of all. */
const MOST = { network: 60, app: 600, nameless: 600, all: 6000 }

/** Why a refusal is on the log alone. */
export type Unrecorded = 'rule' | 'network' | 'app' | 'minute'

interface Refusing {
  /** The registered app that it names, as far as that is known. */
  readonly app: string | undefined
  /** Whether it names any: before an app was looked up, nobody knows whether there is such a one. */
  readonly namesApp: boolean
  readonly address: string
  readonly rule: RefusalRule | undefined
}

/** Says of each refusal whether it is worth a row, so that nobody pushes out what others will ask for. */
export function createRefusalQuota(clock: Clock) {
  let began = Number.NEGATIVE_INFINITY
  let networks = new Map<string, number>()
  // What names no registered app is one among them.
  let apps = new Map<string | undefined, number>()
  let all = 0

  function beginMinute(): void {
    const now = clock()
    if (now >= began && now - began < MINUTE) return
    began = now
    networks = new Map()
    apps = new Map()
    all = 0
  }

  /** @returns nothing for what is to be recorded, which counts from then on */
  return function whyUnrecorded({ app, namesApp, address, rule }: Refusing): Unrecorded | undefined {
    if (rule !== undefined && (NEVER.includes(rule) || (!namesApp && FOR_APPS_ALONE.includes(rule)))) return 'rule'
    beginMinute()
    const ofApp = apps.get(app) ?? 0
    if (all >= MOST.all || (app === undefined && ofApp >= MOST.nameless)) return 'minute'
    if (ofApp >= MOST.app) return 'app'
    // From this machine itself a proxy that is not declared speaks for everybody.
    const network = isLoopback(address) ? undefined : networkOf(address)
    const ofNetwork = network === undefined ? 0 : (networks.get(network) ?? 0)
    if (ofNetwork >= MOST.network) return 'network'
    if (network !== undefined) networks.set(network, ofNetwork + 1)
    apps.set(app, ofApp + 1)
    all += 1
    return undefined
  }
}
