// Run by tap, several at once: takes one test file after the other until none waits.
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { forgetSecrets } from '../../test/fixtures/answers/secrets.ts'
import { keepTally } from '../coverage/tally.ts'
import { compiledFile } from './compiled-file.ts'
import { cpuSeconds } from './cpu-seconds.ts'
import { setCurrentFile } from './file-tap.ts'
import { openQueue } from './queue.ts'

// Milliseconds for one file; the slowest start many processes, which takes its time on a busy machine.
const LONGEST = 600_000

const queue = openQueue(process.env['TESSERA_TEST_QUEUE'] ?? '')
const tallies = process.env['TESSERA_TEST_TALLIES']
t.setTimeout(0)
/** The file whose turn it is. */
let current: Pick<Test, 'threw'> = t
for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error: Error) => void current.threw(error))
async function runFile(file: string): Promise<void> {
  const url = pathToFileURL(compiledFile(file)).href
  const [started, spent] = [performance.now(), cpuSeconds()]
  const result = await t.test(file, { timeout: LONGEST }, async (test) => {
    current = test
    setCurrentFile(test)
    forgetSecrets()
    await import(url)
  })
  if (tallies !== undefined) keepTally(tallies, file)
  const seconds = (performance.now() - started) / 1000
  queue.report({ file, ok: result?.ok === true, seconds, cpuSeconds: cpuSeconds() - spent })
}

for (let file = queue.take(); file !== undefined; file = queue.take()) await runFile(file)
for (const file of await queue.takeTimed()) await runFile(file)
