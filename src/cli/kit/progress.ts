import type { Command } from 'commander'
import type { Progress, Report } from '../../store/transfer/reconcile.ts'
import { note } from './output.ts'
import { terminalOf } from './terminal.ts'

const REDRAWN_EVERY = 100
// What takes long enough for a line a table.
const TOLD = ['copied', 'resealed']

/** Shows how far a transfer is: one line that changes on a terminal, a line a table elsewhere, nothing with --json. */
export function progressOn(command: Command, silent: boolean | undefined): { report: Report; end: () => void } {
  const stream = terminalOf(command).stderr
  if (silent) return { report: () => undefined, end: () => undefined }
  let drawn = Number.NEGATIVE_INFINITY
  let isOpen = false

  function draw({ stage, table, done, of }: Progress): void {
    if (done < of && performance.now() - drawn < REDRAWN_EVERY) return
    drawn = performance.now()
    isOpen = true
    stream.write(`\r\x1b[K${stage} ${table} ${done} of ${of}`)
  }

  return {
    report: (progress) => {
      if (stream.isTTY) draw(progress)
      else if (progress.done >= progress.of && TOLD.includes(progress.stage))
        note(command, `${progress.stage} ${progress.table}: ${progress.done} rows`)
    },
    end: () => {
      if (isOpen) stream.write('\r\x1b[K')
      isOpen = false
    },
  }
}
