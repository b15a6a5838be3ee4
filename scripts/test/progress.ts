import type { WriteStream } from 'node:tty'

const EVERY = 200

/** One line that tells how far a run is, drawn anew on a terminal and left out elsewhere. */
export function showProgress(stream: WriteStream, line: () => string): { end(): void } {
  if (!stream.isTTY) return { end: () => undefined }
  const draw = (): void => void stream.write(`\r\x1b[K${line().slice(0, stream.columns - 1)}`)
  const timer = setInterval(draw, EVERY)
  return {
    end() {
      clearInterval(timer)
      stream.write('\r\x1b[K')
    },
  }
}
