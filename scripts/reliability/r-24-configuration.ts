import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { defineCheck } from './lib/check.ts'
import { whenStarted } from './lib/when-started.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const check = defineCheck({
  id: 'R-24',
  what: 'wrong settings, one by one: the matrix of test/config/configuration.ts',
  required: 'each of 60 or more refuses to start with a reason in one line',
  async run(run, { least }) {
    const args = ['--import', 'tsx', 'test/config/configuration.ts']
    const { stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 120_000 })
    const count = (pattern: RegExp): number => [...stdout.matchAll(pattern)].length
    run.atLeast('assertions that hold', count(/^\s*ok \d+/gm), least)
    run.none('that do not', count(/^\s*not ok \d+/gm))
  },
})

await whenStarted(import.meta.url, check)
