// SQLite alone: is about what is advised; the refusals themselves are tested on both databases
import t, { type Test } from 'tap'
import { type Advised, advisedIn } from '../fixtures/cli/advised-commands.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { startPlace } from '../fixtures/documents/mistakes/apps-of-mistakes.ts'
import { AT_SIGN_IN } from '../fixtures/documents/mistakes/at-sign-in.ts'
import { MISTAKES } from '../fixtures/documents/mistakes/document.ts'
import { hasSucceeded, type Mistake, type Place, readTold, type Way } from '../fixtures/documents/mistakes/mistake.ts'

/** Runs every command of a way out, as it is printed. @returns what they printed */
async function follow(t: Test, place: Place, { fillIn }: Way, advised: readonly Advised[]): Promise<string> {
  const values = Object.entries((await fillIn?.(place)) ?? {})
  const filledIn = (word: string): string => values.reduce((text, [name, value]) => text.replaceAll(name, value), word)
  const printed: string[] = []
  for (const { words } of advised) {
    const { code, stdout, stderr } = await tesseraOn(place.instance)(words.map(filledIn))
    t.equal(code, 0, `tessera ${words.join(' ')}: ${stderr}`)
    printed.push(stdout)
  }
  return printed.join('\n')
}

async function mends(t: Test, place: Place, { make }: Mistake, way: Way, advised: readonly Advised[]): Promise<void> {
  t.ok(readTold(await make(place)), 'the request is refused')
  const printed = await follow(t, place, way, advised)
  const { again } = way
  if (typeof again === 'object') return
  const answer = await (again === 'the same request' ? make(place) : again(place, printed))
  t.ok(hasSucceeded(answer), `${JSON.stringify(readTold(answer) ?? answer.text.slice(0, 500))}`)
}

// Commands that change nothing.
const ONLY_READS = ['list', 'show', '--help']

await t.test('whoever does what docs/refusals.md advises is not refused again', async (t) => {
  // What changes nothing that is registered needs no instance of its own.
  const shared = await startPlace(t)
  for (const mistake of MISTAKES) {
    const ways = [mistake.fix, ...(mistake.otherwise ? [mistake.otherwise] : [])]
    for (const way of ways) {
      await t.test(`${mistake.title}: ${way.says}`, async (t) => {
        const advised = advisedIn(way.says)
        const changes = advised.some(({ stands, words }) => stands && !words.some((word) => ONLY_READS.includes(word)))
        if (typeof way.again === 'object') {
          await follow(t, shared, way, advised)
          t.notOk(changes || way === mistake.fix, `there is nothing to send, as it ${way.again.nothingToSend}`)
          return
        }
        t.ok(changes || typeof way.again === 'function', 'a request that succeeds differs, or something was registered')
        await mends(t, changes ? await startPlace(t) : shared, mistake, way, advised)
      })
    }
  }
})

await t.test('whoever does what is advised about a sign-in gets the person in', async (t) => {
  for (const mistake of AT_SIGN_IN) {
    const { fix, otherwise } = mistake
    for (const way of [fix, ...(otherwise ? [otherwise] : [])]) {
      await t.test(`${mistake.title}: ${way.says}`, async (t) => {
        const place = await startPlace(t)
        const refusal = await signInRefusal(place, mistake)
        t.match(refusal, { fix: fix.says, cause: mistake.cause })
        t.equal(refusal['otherwise'], otherwise?.says ?? null)
        const printed = await follow(t, place, way, advisedIn(way.says))
        const answer = typeof way.again === 'function' ? await way.again(place, printed) : undefined
        t.ok(answer && 'leftTo' in answer && answer.leftTo?.searchParams.has('code'), 'the person is signed in')
      })
    }
  }
})

/** What the operator reads of a sign-in that was refused. */
async function signInRefusal(place: Place, { make }: Mistake): Promise<Record<string, unknown>> {
  const answer = await make(place)
  const id = 'page' in answer ? (answer.page.querySelector('#refusal-id')?.text.trim() ?? '') : ''
  const { stdout, stderr } = await tesseraOn(place.instance)(['refusal', 'show', id, '--json'])
  if (stdout === '') throw new Error(`the sign-in was not refused: ${stderr} ${answer.text.slice(0, 500)}`)
  return JSON.parse(stdout) as Record<string, unknown>
}

await t.test('a mistake that nothing mends by design says why, and what succeeds instead', async (t) => {
  for (const { title, never, fix, otherwise } of MISTAKES.filter((one) => one.never !== undefined)) {
    t.match(never, /\w/, title)
    for (const { again } of [fix, ...(otherwise ? [otherwise] : [])]) t.not(again, 'the same request', title)
  }
})
