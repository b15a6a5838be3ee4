import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cannot } from './tools.ts'

/** A machine's clock that is set by hand, for processes started with this environment; their timers run at an even pace. */
export interface FakeClock {
  readonly env: Readonly<Record<string, string>>
  /** Sets the clock apart from the real one by seconds. */
  set(seconds: number): void
}

function findLibrary(): string {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime`) : []
  const found = folders.map((folder) => join(folder, 'libfaketimeMT.so.1')).find((file) => existsSync(file))
  return found ?? cannot('libfaketime is not installed (apt install faketime)')
}

export function createFakeClock(folder: string): FakeClock {
  const library = findLibrary()
  const file = join(folder, 'clock')
  const set = (seconds: number): void => {
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}s\n`)
    renameSync(`${file}.new`, file)
  }
  set(0)
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    set,
  }
}
