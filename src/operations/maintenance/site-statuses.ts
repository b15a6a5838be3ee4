import type { SiteStatus } from '../../domain/access/resource-site.ts'
import { createAtMost } from '../../lib/flow/at-most.ts'
import type { Outbound } from '../../lib/net/outbound.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'

interface Dependencies {
  readonly outbound: Pick<Outbound, 'status' | 'whyNotFetchable'>
  readonly clock: Clock
  /** Whether sites are asked at all. */
  readonly isOn: boolean
}

// Milliseconds that an answer is good for, however many want to know.
const GOOD_FOR = MINUTE
// After so long it says nothing of how the site is doing now: nobody wanted to know meanwhile.
const TOLD_FOR = 5 * MINUTE
const AT_ONCE = 4
const MOST_KNOWN = 1000

const NOT_MONITORED: SiteStatus = { status: 'Unknown', description: 'is not monitored from here' }
const NOT_YET: SiteStatus = { status: 'Unknown', description: 'has not been asked yet' }
const NOT_LATELY: SiteStatus = { status: 'Unknown', description: 'has not been asked lately' }

/**
 * Says how sites are doing by what is known, and asks them again behind the scenes when that is old: nobody waits for a site, and
 * however often somebody asks, a site is asked once a minute. What is older than some minutes is not told. What the guard does not let this server call is not monitored.
 */
export function createSiteStatuses({ outbound, clock, isOn }: Dependencies) {
  const known = new Map<string, { at: number; status: SiteStatus }>()
  const asking = new Set<string>()
  const inLine = createAtMost(AT_ONCE)

  async function ask(url: string): Promise<void> {
    asking.add(url)
    const status = await inLine(() => lookAt(url)).catch(() => NOT_YET)
    // What is not listed any more is forgotten, the oldest first.
    known.delete(url)
    known.set(url, { at: clock(), status })
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value ?? '')
    asking.delete(url)
  }

  async function lookAt(url: string): Promise<SiteStatus> {
    try {
      const status = await outbound.status(url)
      return status < 500 ? { status: 'Working', description: 'answers' } : notWorking(`answers with status ${status}`)
    } catch {
      // Why is for the operator: it would tell everybody of addresses and certificates inside.
      return notWorking('does not answer')
    }
  }

  return function statusOf(url: string): SiteStatus {
    if (!isOn || outbound.whyNotFetchable(url) !== undefined) return NOT_MONITORED
    const found = known.get(url)
    if ((found === undefined || clock() - found.at >= GOOD_FOR) && !asking.has(url)) void ask(url)
    if (found === undefined) return NOT_YET
    return clock() - found.at < TOLD_FOR ? found.status : NOT_LATELY
  }
}

const notWorking = (description: string): SiteStatus => ({ status: 'NotWorking', description })
