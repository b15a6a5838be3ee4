import { userInfo } from 'node:os'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import { createAuditWithin } from '../../operations/audit/audit.ts'

/** Who is at the command line, as the audit log names them. */
export const commandLine = (now: number): ChangeContext => ({
  actor: `cli:${nameOfUser()}`,
  now,
  audit: createAuditWithin(() => now),
  atTheMachine: true,
})

/** The same for whoever changes apps. */
export const commandLineHere = (
  { clock, outbound: { whyNotFetchable } }: Pick<Core, 'clock' | 'outbound'>,
  { issuer, http: { hosts } }: Pick<Config, 'issuer' | 'http'>,
): ChangeContext => ({ ...commandLine(clock()), here: { issuer, hosts, whyNotFetchable } })

/** A container's user may have no name. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
