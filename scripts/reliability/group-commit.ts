import { join } from 'node:path'
import { openSqlite } from '../../src/store/engine/sqlite.ts'
import { defineCheck } from './lib/check.ts'
import { whenStarted } from './lib/when-started.ts'

export const check = defineCheck({
  id: 'groups',
  what: 'durable units of work on SQLite: one after the other, each its own commit, and at once, sharing commits',
  required: 'sharing is faster than not sharing',
  timed: true,
  async run(run, { units, atOnce }) {
    const store = openSqlite(join(run.scratch(), 'tessera.db'))
    await store.migrations.migrate()
    let written = 0
    const unit = () => store.write(({ settings }) => settings.set(`unit-${written++ % 1000}`, String(written)))

    async function perSecond(workers: number): Promise<number> {
      const started = performance.now()
      const work = async (): Promise<void> => {
        for (let done = 0; done < units / workers; done++) await unit()
      }
      await Promise.all(Array.from({ length: workers }, work))
      return (1000 * units) / (performance.now() - started)
    }

    await perSecond(atOnce)
    const alone = await perSecond(1)
    const together = await perSecond(atOnce)
    await store.close()
    run.told('one after the other', Math.round(alone), 'units/s')
    run.told(`${atOnce} at once, in groups`, Math.round(together), 'units/s')
    run.atLeast('faster by the factor', together / alone, 2)
  },
})

await whenStarted(import.meta.url, check)
