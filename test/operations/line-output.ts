// SQLite alone: asks no database
import t from 'tap'
import { createLineOutput } from '../../src/lib/flow/line-output.ts'

type Done = Parameters<Parameters<typeof createLineOutput>[0]['sink']['write']>[1]

/** Lines on their way to a place that takes them when the test says so. */
function start(most?: number) {
  let now = 0
  const planned: { at: number; work: () => void }[] = []
  const pending: { text: string; done: Done }[] = []
  const output = createLineOutput({
    sink: { write: (bytes, done) => void pending.push({ text: bytes.toString(), done }) },
    later: (work, milliseconds) => void planned.push({ at: now + milliseconds, work }),
    describeLost: (count) => `${count} lost\n`,
    ...(most === undefined ? {} : { most }),
  })
  /** Answers the write that is pending. @returns what it was to write */
  function answer(code?: string, written?: number): string {
    const { text, done } = pending.shift() ?? { text: 'nothing', done: () => undefined }
    done(code === undefined ? null : Object.assign(new Error(code), { code }), written ?? (code ? 0 : text.length))
    return text
  }
  function pass(milliseconds: number): void {
    now += milliseconds
    const due = planned.filter(({ at }) => at <= now)
    planned.splice(0, planned.length, ...planned.filter(({ at }) => at > now))
    for (const { work } of due) work()
  }
  return { output, answer, pass, pending }
}

await t.test('lines are written in order, those that came meanwhile together', (t) => {
  const { output, answer, pending } = start()
  for (const line of ['a\n', 'b\n', 'c\n']) output.write(line)
  t.equal(answer(), 'a\n')
  t.equal(answer(undefined, 3), 'b\nc\n')
  t.equal(answer(), '\n', 'the rest of what went in part')
  t.equal(pending.length, 0)
  t.equal(output.lost(), 0)
  t.end()
})

await t.test('beyond its room lines are lost and counted, and it is told when they go through again', (t) => {
  const { output, answer } = start(8)
  output.write('first\n')
  for (let count = 0; count < 10; count++) output.write('abc\n')
  t.equal(output.lost(), 8, 'two have room')
  t.equal(answer(), 'first\n')
  t.equal(answer(), '8 lost\nabc\nabc\n')
  output.write('last\n')
  t.equal(answer(), 'last\n', 'told once')
  t.end()
})

await t.test('what cannot be written is lost and counted, and it is tried again', (t) => {
  const { output, answer, pass, pending } = start()
  output.write('first\n')
  answer('ENOSPC')
  for (const line of ['a\n', 'b\n']) output.write(line)
  t.equal(pending.length, 0, 'not at once')
  pass(1000)
  t.equal(answer('ENOSPC', 1), 'a\nb\n')
  t.equal(output.lost(), 3)
  output.write('c\n')
  pass(1000)
  t.equal(answer(), '\nc\n', 'a line that was torn is ended first')
  t.equal(answer(), '3 lost\n')
  t.end()
})

await t.test('a reader that is slow is waited for, without loss', (t) => {
  const { output, answer, pass, pending } = start()
  output.write('first\n')
  answer('EAGAIN')
  t.equal(pending.length, 0)
  pass(50)
  t.equal(answer(), 'first\n')
  t.equal(output.lost(), 0)
  t.end()
})

await t.test('flushing waits for what is pending, and for nobody else', async (t) => {
  const { output, answer, pass } = start()
  await output.flush(1000)
  output.write('a\n')
  let flushed = 0
  const first = output.flush(1000).then(() => flushed++)
  answer()
  await first
  output.write('b\n')
  const second = output.flush(1000).then(() => flushed++)
  pass(1000)
  await second
  t.equal(flushed, 2, 'nor for ever')
  answer('EIO')
  output.write('c\n')
  await output.flush(1000)
})
