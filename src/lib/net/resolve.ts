import { lookup, Resolver } from 'node:dns/promises'
import { createAtMost } from '../flow/at-most.ts'
import { onceAtATime } from '../flow/once-at-a-time.ts'

type Found = readonly { readonly address: string; readonly family: number }[]

/** Finds the addresses of a name, none where it has none. */
export type Resolve = (host: string) => Promise<Found>

// Milliseconds, shorter than a connection may take to be made.
const ASK_WITHIN = 2000
const TRY_WITHIN = 900
// Of the two threads that a process spares for names; the other is for the host of its own database.
const THREADS = 1

/**
 * Asks the name servers of the system, over sockets that are let go of in the end: the system's own function would keep a thread for as
 * long as a name server is silent, and has two for all names there are, that of the database among them.
 * @param servers in place of the system's, as `ADDRESS:PORT`
 */
export const askNameServers = (servers?: readonly string[]): Resolve =>
  onceAtATime(async (host) => {
    // Made anew, it reads which name servers there are now.
    const resolver = new Resolver({ timeout: TRY_WITHIN, tries: 2 })
    if (servers) resolver.setServers(servers)
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      resolver.cancel()
    }, ASK_WITHIN)
    try {
      const asked = [resolver.resolve4(host), resolver.resolve6(host)]
      const answers = await Promise.allSettled(asked)
      const found = answers.flatMap((answer, index) =>
        answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
      )
      const [failed] = answers.filter((answer) => answer.status === 'rejected')
      if (found.length === 0 && isLate) throw new Error(`no name server told the addresses of ${host} within 2 s`)
      if (found.length === 0 && failed) throw failed.reason
      return found
    } finally {
      clearTimeout(late)
    }
  })

/** Asks the system, which knows names besides: of /etc/hosts, and of its own domain. Names that wait do so without a thread. */
export const askSystem = (): Resolve => {
  const inTurn = createAtMost(THREADS)
  return onceAtATime((host) => inTurn(() => lookup(host, { all: true })))
}
