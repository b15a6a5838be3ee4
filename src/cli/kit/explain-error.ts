import { CommanderError } from 'commander'
import { ConfigurationFaults } from '../../config/configuration-faults.ts'
import { describeFault, Refused } from '../../domain/refusals/errors.ts'
import { MasterKeyFault } from '../../lib/crypto/master-key.ts'
import { ClockAhead } from '../../operations/maintenance/check-clock.ts'
import { FileLost } from '../../store/engine/file-watch.ts'
import { NotLocal } from '../../store/engine/local-disk.ts'
import { ForeignDatabase, NewerSchema, NotMigrated } from '../../store/engine/migrations.ts'
import { MissingRight } from '../../store/engine/missing-right.ts'
import { OutOfService } from '../../store/repositories/instance/move-state.ts'
import { OutputRefused } from '../../store/transfer/output-file.ts'
import { NotTheSame } from '../../store/transfer/reconcile.ts'
import { TransferRefused } from '../../store/transfer/refused.ts'
import { Problem } from './problem.ts'
import { inThreeLines } from './unknown-word.ts'

interface Explanation {
  readonly exitCode: number
  readonly lines: readonly string[]
}

// Their messages say why and what to do.
const SAID_IN_FULL = [
  ClockAhead,
  MasterKeyFault,
  NewerSchema,
  ForeignDatabase,
  NotMigrated,
  MissingRight,
  OutOfService,
  TransferRefused,
  OutputRefused,
  NotTheSame,
  FileLost,
  NotLocal,
]

/**
 * Says what an error means for the person at the terminal: plain lines and an exit code.
 * @param complaint what commander has to say where the error is its own
 */
export function explain(error: unknown, complaint: string, showStack: boolean): Explanation {
  // Help and version that were asked for end in an error too; they have been printed.
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? 0 : 2, lines: inThreeLines(complaint) }
  }
  if (error instanceof Problem) return error
  if (error instanceof ConfigurationFaults) return { exitCode: 2, lines: error.faults }
  if (SAID_IN_FULL.some((kind) => error instanceof kind)) return { exitCode: 1, lines: [(error as Error).message] }
  if (error instanceof Refused) return fromRefusal(error)
  if (!(error instanceof Error)) return { exitCode: 1, lines: [String(error)] }
  if (showStack) return { exitCode: 1, lines: (error.stack ?? error.message).split('\n') }
  if (isFromSystem(error)) return { exitCode: 1, lines: [fromSystem(error)] }
  return { exitCode: 1, lines: [`unexpected: ${error.message} (set TESSERA_LOG_LEVEL=debug to see where)`] }
}

/** What was named and is not there needs no attribute to be told by. */
function fromRefusal({ code, description, faults }: Refused): Explanation {
  if (faults.length === 0) return { exitCode: 1, lines: [description] }
  if (code === 'not_found') return { exitCode: 1, lines: faults.map(({ reason }) => reason) }
  return { exitCode: code === 'invalid_change' ? 2 : 1, lines: faults.map(describeFault) }
}

interface SystemError extends Error {
  readonly code: string
  readonly address?: string
  readonly port?: number
}

const isFromSystem = (error: Error): error is SystemError =>
  'code' in error && typeof error.code === 'string' && /^(E[A-Z0-9]+|SQLITE_\w+)$/.test(error.code)

function fromSystem({ code, message, address, port }: SystemError): string {
  if (code.startsWith('SQLITE_')) return `the database reports: ${message}`
  if (port === undefined) return message
  if (code === 'EADDRINUSE')
    return `${address}:${port} is in use by another process; stop it, or choose another port with TESSERA_LISTEN`
  if (code === 'EACCES')
    return `${address}:${port} cannot be used by this user; choose another port with TESSERA_LISTEN`
  return message
}
