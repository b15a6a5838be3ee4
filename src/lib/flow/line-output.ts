/** Where lines end up; never waits. */
export interface Sink {
  /**
   * Begins to write some bytes, one call at a time.
   * @param done told how many of them went, and why not all
   */
  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null | undefined, written: number) => void): void
}

/** Takes lines for as long as there is room for them; none is waited for. */
export interface LineOutput {
  write(line: string): void
  /** How many lines were lost so far. */
  lost(): number
  /** Resolves when everything is written, or cannot be, or after so many milliseconds. */
  flush(patience: number): Promise<void>
}

interface Options {
  readonly sink: Sink
  /** The line that says how many were lost, once lines go through again. */
  readonly describeLost: (count: number) => string
  /** Bytes that wait at most; what comes beyond is lost. */
  readonly most?: number
  /** Does something so many milliseconds later. */
  readonly later?: (work: () => void, milliseconds: number) => void
}

const MOST = 1024 * 1024
const MOST_AT_ONCE = 64 * 1024
// Milliseconds after which it is tried again: a reader that is slow, and whatever else is in the way.
const SLOW = 50
const BROKEN = 1000
const NEWLINE = 10

/** Nobody stays alive for the log. */
const afterwards = (work: () => void, milliseconds: number): void => void setTimeout(work, milliseconds).unref()

const linesIn = (bytes: Buffer): number => bytes.reduce((count, byte) => (byte === NEWLINE ? count + 1 : count), 0)

/** Hands lines on in order. While they cannot be written they are lost, but counted, and nobody waits for them. */
export function createLineOutput({ sink, describeLost, most = MOST, later = afterwards }: Options): LineOutput {
  const queue: Buffer[] = []
  let waiting = 0
  let current: Buffer | undefined
  let isPausing = false
  let lost = 0
  let reported = 0
  // Whether what was written last lacks the end of its line, and whether that will never come.
  let isMidLine = false
  let isTorn = false
  let isBroken = false
  const flushed = new Set<() => void>()

  function take(): Buffer {
    const bytes: Buffer[] = []
    for (let size = 0; size < MOST_AT_ONCE; ) {
      const next = queue.shift()
      if (!next) break
      bytes.push(next)
      size += next.length
      waiting -= next.length
    }
    return Buffer.concat(bytes)
  }

  function pause(milliseconds: number): void {
    isPausing = true
    later(() => {
      isPausing = false
      go()
    }, milliseconds)
  }

  function go(): void {
    if (isPausing) return
    if (!current && queue.length === 0) {
      release()
      return
    }
    current ??= take()
    if (isTorn) current = Buffer.concat([Buffer.from('\n'), current])
    isTorn = false
    sink.write(current, wrote)
  }

  function wrote(error: NodeJS.ErrnoException | null | undefined, written: number): void {
    const bytes = current ?? Buffer.alloc(0)
    const rest = bytes.subarray(written)
    if (written > 0) isMidLine = bytes[written - 1] !== NEWLINE
    if (error && error.code !== 'EAGAIN') {
      giveUp(rest)
      return
    }
    current = rest.length > 0 ? rest : undefined
    if (error) {
      pause(SLOW)
      return
    }
    isBroken = false
    if (!current && lost > reported) note(lost - reported)
    go()
  }

  function note(count: number): void {
    const bytes = Buffer.from(describeLost(count))
    reported += count
    queue.unshift(bytes)
    waiting += bytes.length
  }

  function giveUp(rest: Buffer): void {
    lost += linesIn(rest)
    isTorn = isMidLine
    isBroken = true
    current = undefined
    release()
    pause(BROKEN)
  }

  function release(): void {
    for (const resolve of flushed) resolve()
    flushed.clear()
  }

  return {
    write(line) {
      const bytes = Buffer.from(line)
      if (waiting + bytes.length > most) {
        lost += 1
        return
      }
      queue.push(bytes)
      waiting += bytes.length
      if (!current) go()
    },
    lost: () => lost,
    flush(patience) {
      if (isBroken || (!current && queue.length === 0)) return Promise.resolve()
      return new Promise((resolve) => {
        flushed.add(resolve)
        later(resolve, patience)
      })
    },
  }
}
