// SQLite alone: is about what is advised; the commands themselves are tested on both databases
import t from 'tap'
import { advisedIn } from '../fixtures/cli/advised-commands.ts'
import { tesseraOn, words } from '../fixtures/cli/cli.ts'
import { IDLE, OFF, READER, startPlace } from '../fixtures/documents/mistakes/apps-of-mistakes.ts'
import { enableUser, WEB } from '../fixtures/instance/world.ts'

/** Commands that fail, and what people put in place of a word in capitals. */
const FAILING: readonly [line: string, fillIn?: Readonly<Record<string, string>>][] = [
  [`token issue-pat --user david --app ${OFF} --scope read`],
  [`token issue-pat --user david --app ${WEB} --scope read`],
  [`token issue-pat --user anna --app ${WEB} --scope read`],
  [`token issue-sat --app ${WEB} --scope read`, { LOGIN: 'svc.sync' }],
  [`token issue-pat --user david --app ${READER} --scope update`],
  [`token issue-pat --user david --app ${WEB} --scope read --expires 800d`, { LENGTH: '900d' }],
  [`token issue-sat --app ${IDLE} --scope read`],
  ['app register my.trusted.app/new --service --system-user svc.new'],
  ['app register my.trusted.app/new --service --system-user svc.idle'],
  [`app update ${WEB} --set SystemUserAllowed=true --set SystemUser=svc.new`],
  [`app rotate-secret ${WEB} --overlap 1h`],
]

await t.test('a command that fails and advises another one succeeds after it', async (t) => {
  for (const [line, fillIn = {}] of FAILING) {
    await t.test(`tessera ${line}`, async (t) => {
      const filledIn = (word: string): string =>
        Object.entries(fillIn).reduce((text, [name, value]) => text.replace(name, value), word)
      const place = await startPlace(t)
      const tessera = tesseraOn(place.instance)
      await enableUser(place.instance, place.anna, false)
      for (let turn = 0; turn < 2 && line.startsWith('app rotate'); turn++) await tessera(words(line))
      // One thing after the other may be missing; each time something else is advised.
      let outcome = await tessera(words(line))
      for (let turn = 0; turn < 4 && outcome.code !== 0; turn++) {
        const advised = advisedIn(outcome.stderr).filter(({ stands }) => stands)
        t.ok(advised.length > 0, `says which command mends it: ${outcome.stderr}`)
        for (const { words: read } of advised) {
          const done = await tessera(read.map(filledIn))
          t.equal(done.code, 0, `tessera ${read.join(' ')}: ${done.stderr}`)
        }
        outcome = await tessera(words(line))
      }
      t.equal(outcome.code, 0, outcome.stderr)
    })
  }
})
