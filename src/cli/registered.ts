import type { Refusal } from '../domain/refusal.ts'
import type { Registered } from '../journal/remedies/remedy.ts'
import type { Repositories } from '../repositories/store.ts'

/** What is registered now, as far as the explanation of a refusal may name it. */
export async function readRegistered({
  apps,
  users,
  resources,
}: Pick<Repositories, 'apps' | 'users' | 'resources'>): Promise<
  (refusal: Pick<Refusal, 'app' | 'detail'>) => Registered
> {
  const registered = new Map((await apps.list()).map((app) => [app.applicationUri, app]))
  const everybody = new Map((await users.list()).map((user) => [user.id, user]))
  const shared = {
    apps: [...registered.keys()],
    apiScopes: (await resources.list()).flatMap(({ scopes }) => scopes.map(({ name }) => name)),
    logins: [...everybody.values()].map(({ login }) => login),
    systemUsers: [...everybody.values()]
      .filter(({ type, isEnabled }) => type === 'SystemUserNoLogin' && isEnabled)
      .map(({ login }) => login),
  }
  return ({ app: applicationUri, detail }) => {
    const app = registered.get(applicationUri ?? '')
    const systemUser = everybody.get(app?.systemUser ?? '')?.login
    return { ...shared, app, systemUser, user: everybody.get(String(detail['user']))?.login }
  }
}
