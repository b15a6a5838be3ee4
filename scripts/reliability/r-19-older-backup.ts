import { join } from 'node:path'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { tokensOf } from '../../test/fixtures/clients/tokens.ts'
import { defineCheck } from './lib/check.ts'
import { startNode } from './lib/node.ts'
import { prepareSite, WEB } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

export const check = defineCheck({
  id: 'R-19',
  what: 'a backup is restored that knows nothing of the tokens used and revoked since',
  required: 'none of them works again, nor does anything else that was issued; people can sign in',
  async run(run, { signIns }) {
    const site = await prepareSite(run, { people: 1 })
    const node = await startNode(run, site)
    const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
    const issued = []
    for (let done = 0; done < signIns; done++) {
      const code = await party.obtainCode()
      issued.push({ code, tokens: tokensOf(await party.redeem(code)) })
    }
    const backup = join(run.scratch(), 'backup.db')
    const tell = async (args: readonly string[]): Promise<void> => {
      const { code, stderr } = await site.tessera(args)
      if (code !== 0) throw new Error(`tessera ${args.join(' ')}: ${stderr}`)
    }
    await tell(['db', 'backup', backup])
    // Of what the backup knows, a third is used, a third revoked, and a third left alone.
    for (const [index, { tokens }] of issued.entries()) {
      if (index % 3 === 0) tokensOf(await party.refresh(tokens.refresh_token))
      if (index % 3 === 1) await party.revoke(tokens.refresh_token)
    }
    node.kill('SIGTERM')
    await node.ended()
    await tell(['db', 'restore', backup, '--replace'])
    await startNode(run, site)

    let [refreshed, active, exchanged] = [0, 0, 0]
    for (const { code, tokens } of issued) {
      if ((await party.introspect(tokens.access_token)).json['active'] !== false) active++
      if ((await party.refresh(tokens.refresh_token)).status !== 400) refreshed++
      if ((await party.redeem(code)).status !== 400) exchanged++
    }
    run.told('sign-ins in the backup', signIns)
    run.none('refresh tokens that work again', refreshed)
    run.none('access tokens that are active', active)
    run.none('codes that are exchanged again', exchanged)
    const again = await createRelyingParty(site, { clientId: WEB, login: 'person0' }).obtainTokens()
    run.that('people can sign in', (await party.introspect(again.access_token)).json['active'] === true)
  },
})

await whenStarted(import.meta.url, check)
