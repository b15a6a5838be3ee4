import { DEFAULT_RESOURCE } from '../../domain/access/api-resource.ts'
import type { Refusal } from '../../domain/refusals/refusal.ts'
import type { Registered } from '../../operations/refusals/remedies/remedy.ts'
import type { Repositories } from '../../store/store.ts'

type Reading = Pick<Repositories, 'apps' | 'users' | 'resources' | 'settings'>

/** Rules whose remedy may name the app that a redirect URI belongs to. */
const NEEDS_APPS_AT: ReadonlySet<string> = new Set(['app-unknown', 'redirect-uri-unregistered'])

/** What is registered now, as far as the explanation of a refusal may name it: of apps and people those that may have been meant. */
export function createReadRegistered({ apps, users, resources, settings }: Reading) {
  let shared: Promise<Pick<Registered, 'resources' | 'defaultResource' | 'systemUsers'>> | undefined

  async function readShared() {
    return {
      resources: await resources.list(),
      defaultResource: (await settings.get(DEFAULT_RESOURCE)) ?? '',
      // A remedy names the System User where there is one alone.
      systemUsers: await users.someSystemUsers(2),
    }
  }

  async function appsAt(redirectUri: string | undefined): Promise<string[]> {
    if (!redirectUri) return []
    const naming = await apps.naming(redirectUri)
    return naming
      .filter(({ isEnabled, impersonateLoginUrl }) => isEnabled && impersonateLoginUrl.includes(redirectUri))
      .map(({ applicationUri }) => applicationUri)
  }

  return async function readRegistered({
    app: applicationUri,
    detail,
    parameters,
  }: Pick<Refusal, 'app' | 'detail' | 'parameters'>): Promise<Registered> {
    shared ??= readShared()
    const sent = detail['sent'] === undefined ? '' : String(detail['sent'])
    const app = await apps.find(applicationUri ?? '')
    const logins = await users.loginsOf([app?.systemUser ?? '', String(detail['user'])])
    return {
      ...(await shared),
      apps: detail.rule === 'app-unknown' ? await apps.near(sent) : [],
      logins: detail.rule === 'person-unknown' ? await users.near(sent) : [],
      appsAt: NEEDS_APPS_AT.has(detail.rule ?? '') ? await appsAt(parameters['redirect_uri']) : [],
      app,
      systemUser: logins.get(app?.systemUser ?? ''),
      user: logins.get(String(detail['user'])),
    }
  }
}
