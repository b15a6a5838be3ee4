import { pathToFileURL } from 'node:url'
import { main } from '../main.ts'
import type { Check } from './check.ts'

/** Carries a check out when its file is what node was started with. */
export async function whenStarted(url: string, check: Check): Promise<void> {
  if (url !== pathToFileURL(process.argv[1] ?? '').href) return
  await main([check], [check.id, ...process.argv.slice(2)])
}
