import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** CPU seconds of this process, and, where the system tells, of those that it started and that have ended. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 + ofChildren()
}

/** @see proc_pid_stat(5), cutime and cstime */
function ofChildren(): number {
  try {
    const [, after = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ')
    const fields = after.split(' ')
    return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}
