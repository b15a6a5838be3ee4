import { userInfo } from 'node:os'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import { createAuditWithin } from '../../operations/audit/audit.ts'

/** Who is at the command line, as the audit log names them. */
export const commandLine = (now: number): ChangeContext => ({
  actor: `cli:${nameOfUser()}`,
  now,
  audit: createAuditWithin(() => now),
  atTheMachine: true,
})

/** A container's user may have no name. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
