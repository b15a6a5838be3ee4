// SQLite alone: it asks no database.
import t from 'tap'
import { overBudget } from '../../scripts/test/budget.ts'
import type { Done } from '../../scripts/test/queue.ts'

const ran = (file: string, cpuSeconds: number): Done => ({ file, ok: true, seconds: cpuSeconds, cpuSeconds })
const many = (cpuSeconds: number): Done[] => Array.from({ length: 200 }, (_, at) => ran(`test/${at}.ts`, cpuSeconds))
const tooHeavy = (...done: Done[]): string[] => overBudget(done).files.map(({ file }) => file)

await t.test('a file that takes too much is found in a run of all, however fast the machine is', async (t) => {
  t.same(tooHeavy(...many(2), ran('test/new.ts', 26)), ['test/new.ts'])
  t.same(tooHeavy(...many(2), ran('test/new.ts', 24)), [])
  t.same(tooHeavy(...many(6), ran('test/new.ts', 60)), [], 'a machine three times as slow')
  t.same(tooHeavy(...many(6), ran('test/new.ts', 70)), ['test/new.ts'])
  t.same(tooHeavy(...many(2), ran('test/store/database-move.ts', 60)), [], 'listed with its reason')
})

await t.test('a few files say nothing of the machine, so none of them is too heavy', async (t) => {
  t.same(tooHeavy(ran('test/store/database-backup.ts', 26.5), ran('test/story.ts', 4)), [])
})
