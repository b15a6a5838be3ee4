import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { tokensOf } from '../../test/fixtures/clients/tokens.ts'
import { defineCheck } from './lib/check.ts'
import { startNode } from './lib/node.ts'
import { prepareSite, WEB } from './lib/site.ts'
import { orderOf } from './lib/strace.ts'
import { requireTool } from './lib/tools.ts'
import { whenStarted } from './lib/when-started.ts'

const TRACED = 'trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync'

export const check = defineCheck({
  id: 'R-04',
  what: 'the system calls of the node on SQLite, seen by strace: what happens between the last write to the log of the database and the answer',
  required: 'fdatasync of tessera.db-wal between its last pwrite64 and the 200 of /token, every time',
  async run(run, { exchanges }) {
    const strace = requireTool('strace')
    const trace = join(run.scratch(), 'trace')
    const site = await prepareSite(run, { people: 1 })
    // The tracer is the grandchild, so that a signal reaches the node.
    const under = [strace, '-D', '-f', '-yy', '-s', '32', '-e', TRACED, '-o', trace]
    const node = await startNode(run, site, { under })
    const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
    let tokens = await party.obtainTokens()
    // What the sign-in set in motion beside the answer is over.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const before = readFileSync(trace, 'utf8').length
    for (let done = 0; done < exchanges; done++) tokens = tokensOf(await party.refresh(tokens.refresh_token))
    await new Promise((resolve) => setTimeout(resolve, 500))
    const { answers, unsynced, withoutWrite } = orderOf(readFileSync(trace, 'utf8').slice(before))
    node.kill('SIGTERM')
    await node.ended()
    run.exactly('answers 200 of /token seen', answers, exchanges)
    run.none('answered after a write without fdatasync', unsynced)
    run.none('answered without a write and fdatasync of its own', withoutWrite)
  },
})

await whenStarted(import.meta.url, check)
