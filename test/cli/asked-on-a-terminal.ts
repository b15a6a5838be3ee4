// SQLite alone: what stands on a terminal
import t from 'tap'
import { tesseraOnTerminal } from '../fixtures/cli/on-terminal.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'

const ENTER = '\r'
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const PASSWORD = 'correct horse 48 battery'

const site = await prepareSite(t)
const on = (line: string, ...answers: readonly (readonly [string, string])[]) =>
  tesseraOnTerminal(line.split(' '), site.settings, answers)
const logins = async (): Promise<string> => (await site.tessera(['user', 'list', '--json'])).stdout

await t.test('a password is asked for twice, and never shown', async (t) => {
  const { code, shown } = await on(
    'user add eve',
    ['New password for eve: ', PASSWORD + ENTER],
    ['Repeat the password: ', PASSWORD + ENTER],
  )
  t.equal(code, 0, shown)
  t.match(shown, /^New password for eve: \nRepeat the password: \n/)
  t.notMatch(shown, /correct|horse|battery/)
  t.match(await logins(), /"eve"/)
})

await t.test('two entries that differ, and a password that is too short, change nothing', async (t) => {
  const differ = await on(
    'user add mallory',
    ['New password for mallory: ', PASSWORD + ENTER],
    ['Repeat the password: ', `${PASSWORD}x${ENTER}`],
  )
  t.not(differ.code, 0)
  t.match(differ.shown, /password: the two entries differ/)
  const short = await on('user add mallory', ['New password for mallory: ', `abc${ENTER}`])
  t.not(short.code, 0)
  t.match(short.shown, /password: /)
  t.notMatch(short.shown, /Repeat/, 'it is not asked for again')
  t.notMatch(await logins(), /mallory/)
})

await t.test('Ctrl+C and Ctrl+D at a question change nothing', async (t) => {
  for (const key of [CTRL_C, CTRL_D]) {
    const { code, shown } = await on('user add mallory', ['New password for mallory: ', key])
    t.equal(code, 1, shown)
    t.match(shown, /nothing was changed/)
  }
  t.notMatch(await logins(), /mallory/)
})

await t.test('what cannot be undone is done for a yes, and for nothing else', async (t) => {
  const question =
    'This removes eve with their sessions, consents and tokens. This cannot be undone. Type yes to continue: '
  for (const word of ['y', 'no', '']) {
    const { code, shown } = await on('user remove eve', [question, word + ENTER])
    t.equal(code, 1, shown)
    t.match(shown, /nothing was changed/)
  }
  t.match(await logins(), /"eve"/)
  const { code, shown } = await on('user remove eve', [question, ` YES ${ENTER}`])
  t.equal(code, 0, shown)
  t.match(shown, /eve is removed\./)
  t.notMatch(await logins(), /"eve"/)
})

await t.test('what is read from a pipe does not wait for somebody at a terminal', async (t) => {
  const { code, shown } = await on('user add mallory --password-stdin')
  t.equal(code, 2, shown)
  t.match(shown, /the password must come from a pipe, but standard input is a terminal/)
})
