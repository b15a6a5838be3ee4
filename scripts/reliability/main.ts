import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Check } from './lib/check.ts'
import { printTable, type Reached, reportOf } from './lib/report.ts'
import { type Form, openRun, Skip } from './lib/run.ts'
import { writeDocument } from './lib/write-document.ts'
import { NOT_CARRIED_OUT } from './not-carried-out.ts'
import { PLAN } from './plan.ts'

const USAGE = `npm run reliability -- [--quick] [--seed N] [--json FILE] [--write] [--date YYYY-MM-DD] [--list] [R-01 R-06 ...]`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  json: { type: 'string' },
  seed: { type: 'string' },
  date: { type: 'string' },
} as const

/** Carries out the checks that the arguments name, or all; the exit code says whether one missed. */
export async function main(checks: readonly Check[], args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  if (values.help) return void process.stdout.write(`${USAGE}\n`)
  const unknown = positionals.filter((id) => !checks.some((check) => check.id === id))
  if (unknown.length > 0) throw new Error(`there is no check ${unknown.join(', ')}; --list shows them`)
  if (values.list) return list(checks)

  const form: Form = values.quick ? 'quick' : 'long'
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed)
  process.stdout.write(`${form} form, --seed ${seed}\n`)
  const isChosen = ({ id, nightly }: Check): boolean =>
    positionals.length === 0 ? form === 'long' || !nightly : positionals.includes(id)
  const chosen = checks.filter(isChosen)
  const reached: Reached[] = []
  for (const check of chosen) reached.push(await runCheck(check, form, seed))

  printTable(reached)
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify(reportOf(reached, form, seed), null, 2)}\n`)
  if (values.write) writeDocument(reached, checks, values.date ?? process.env['RELIABILITY_DATE'])
  const failed = reached.filter(({ outcome }) => outcome === 'missed').length
  const passed = reached.filter(({ outcome }) => outcome === 'passed').length
  process.stdout.write(`Reliability: ${passed} passed, ${failed} failed, ${reached.length - passed - failed} skipped\n`)
  // What a check left behind must not keep the process.
  process.exit(failed > 0 ? 1 : 0)
}

async function runCheck(check: Check, form: Form, seed: number): Promise<Reached> {
  process.stdout.write(`\n${check.id} ${check.what}\n`)
  const started = performance.now()
  const run = openRun(form, seed, (line) => process.stdout.write(`  ${line}\n`))
  const end = (outcome: Reached['outcome'], reason?: string): Reached => ({
    id: check.id,
    what: check.what,
    required: check.required,
    timed: check.timed,
    form,
    outcome,
    figures: run.figures,
    seconds: Math.round((performance.now() - started) / 1000),
    ...(reason === undefined ? {} : { reason }),
  })
  try {
    await check.perform(run, PLAN, form)
    return end(run.figures.some(({ missed }) => missed) ? 'missed' : 'passed')
  } catch (error) {
    if (error instanceof Skip) return end('skipped', error.message)
    process.stdout.write(`  ${error instanceof Error ? error.stack : String(error)}\n`)
    return end('missed', error instanceof Error ? error.message : String(error))
  } finally {
    await run.close()
  }
}

function list(checks: readonly Check[]): void {
  const lines = [...checks.map(({ id, what, required }) => [id, what, required]), ...NOT_CARRIED_OUT]
  for (const [id, what, required] of lines) process.stdout.write(`${id}  ${what}\n      ${required}\n`)
}
