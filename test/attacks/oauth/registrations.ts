import t, { type Test } from 'tap'
import { appPath, startAdminApi } from '../../fixtures/admin/admin.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { WEB } from '../../fixtures/instance/world.ts'

/** What no app may ever register, by the row. */
const NEVER: readonly (readonly [id: string, uris: readonly string[]])[] = [
  ['AZ-03', ['https://app.example.com/cb#', 'https://app.example.com/cb#x', 'com.example.app:/oauth#x']],
  ['AZ-09', ['http://app.example.com/cb', 'http://127.0.0.1.evil.test/cb', 'http://localhost.evil.test/cb']],
  [
    'AZ-18',
    [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'java\nscript:alert(1)',
      'javascript://app.example.com/cb',
      'data:text/html,x',
      'vbscript:x',
      'blob:https://app.example.com/cb',
      'file:///etc/passwd',
      'about:blank',
    ],
  ],
  [
    'AZ-20',
    [
      '*',
      'https://*.example.com',
      'https://app.example.com/*',
      'https://app.example.com/(cb|x)|y',
      'https://app.example.com/^cb',
      'https://user@app.example.com/cb',
      'https://app.example.com\\@evil.test/cb',
      '//app.example.com/cb',
      'https:app.example.com/cb',
      'https://app.example.com/c b',
    ],
  ],
]

await attackGroup(t, 'A and D. What is refused at registration', async ({ instance, attack, david }) => {
  const api = await startAdminApi(instance)
  const record = { Name: 'New', ImpersonateAsInternalUserAllowed: true }
  async function isUnregistrable(
    t: Test,
    answer: { readonly status: number; readonly text: string },
    attribute: string,
  ) {
    t.equal(answer.status, 422, answer.text)
    t.match(answer.text, `"attribute":"${attribute}"`)
  }
  for (const [id, uris] of NEVER)
    for (const uri of uris)
      await attack(id, JSON.stringify(uri), async (t) => {
        for (const ClientType of ['Confidential', 'Public']) {
          const app = { ApplicationUri: 'my.trusted.app/new', ...record, ClientType, ImpersonateLoginUrl: uri }
          await isUnregistrable(t, await api.post('/apps', app), 'ImpersonateLoginUrl')
        }
        const changed = { ImpersonateLoginUrl: `https://app.example.com/cb,${uri}` }
        await isUnregistrable(t, await api.patch(appPath(WEB), changed), 'ImpersonateLoginUrl')
        const bye = { ImpersonateLogoutUrl: uri }
        await isUnregistrable(t, await api.patch(appPath(WEB), bye), 'ImpersonateLogoutUrl')
      })

  for (const id of [david.id, david.id.toUpperCase(), crypto.randomUUID()])
    await attack('TE-21', `an app named like the sub of a user: ${id === david.id ? 'his' : 'one'}`, async (t) => {
      const ImpersonateLoginUrl = 'https://app.example.com/cb'
      const app = { ApplicationUri: id, ...record, ClientType: 'Confidential', ImpersonateLoginUrl }
      await isUnregistrable(t, await api.post('/apps', app), 'ApplicationUri')
    })
})
