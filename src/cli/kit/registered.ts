import type { Refusal } from '../../domain/refusals/refusal.ts'
import type { Registered } from '../../operations/refusals/remedies/remedy.ts'
import type { Repositories } from '../../store/store.ts'

type Reading = Pick<Repositories, 'apps' | 'users' | 'resources'>

/** What is registered now, as far as the explanation of a refusal may name it: of apps and people those that may have been meant. */
export function createReadRegistered({ apps, users, resources }: Reading) {
  let shared: Promise<Pick<Registered, 'apiScopes' | 'systemUsers'>> | undefined

  async function readShared() {
    const apiScopes = (await resources.list()).flatMap(({ scopes }) => scopes.map(({ name }) => name))
    // A remedy names the System User where there is one alone.
    return { apiScopes, systemUsers: await users.someSystemUsers(2) }
  }

  return async function readRegistered({
    app: applicationUri,
    detail,
  }: Pick<Refusal, 'app' | 'detail'>): Promise<Registered> {
    shared ??= readShared()
    const sent = detail['sent'] === undefined ? '' : String(detail['sent'])
    const app = await apps.find(applicationUri ?? '')
    const logins = await users.loginsOf([app?.systemUser ?? '', String(detail['user'])])
    return {
      ...(await shared),
      apps: detail.rule === 'app-unknown' ? await apps.near(sent) : [],
      logins: detail.rule === 'person-unknown' ? await users.near(sent) : [],
      app,
      systemUser: logins.get(app?.systemUser ?? ''),
      user: logins.get(String(detail['user'])),
    }
  }
}
