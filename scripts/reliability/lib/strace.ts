/** What the calls of a trace say about writing before answering. */
export interface Order {
  /** Answers with 200. */
  answers: number
  /** Answers while something written to the log was not on the disk. */
  unsynced: number
  /** Answers since the last of which nothing was written and synchronised. */
  withoutWrite: number
}

const CALL = /^(\d+)\s+(\w+)\((.*)$/
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$/

/** Reads the output of `strace -f -yy`, in the order in which calls ended. */
export function orderOf(trace: string): Order {
  const order: Order = { answers: 0, unsynced: 0, withoutWrite: 0 }
  const begun = new Map<string, string>()
  let dirty = false
  let synced = false

  function ended(name: string, text: string): void {
    const ofLog = text.includes('tessera.db-wal>')
    if (name === 'pwrite64' && ofLog) dirty = true
    if ((name === 'fdatasync' || name === 'fsync') && ofLog && text.endsWith('= 0')) {
      synced ||= dirty
      dirty = false
    }
    if (/^(write|writev|sendto|sendmsg)$/.test(name) && text.includes('HTTP/1.1 200')) {
      order.answers++
      if (dirty) order.unsynced++
      if (!synced) order.withoutWrite++
      synced = false
    }
  }

  for (const line of trace.split('\n')) {
    const [, pid = '', name = '', rest = ''] = CALL.exec(line) ?? []
    if (name !== '' && rest.endsWith('<unfinished ...>')) begun.set(pid, rest)
    else if (name !== '') ended(name, rest)
    const [, whose = '', what = '', end = ''] = RESUMED.exec(line) ?? []
    if (what !== '') ended(what, `${begun.get(whose) ?? ''}${end}`)
  }
  return order
}
