import { registrationOf } from '../../admin/apps/apps.ts'
import { versionOfApp } from '../../admin/change/versions.ts'
import { concernsTokens, isAnotherKind } from '../../domain/apps/another-kind.ts'
import { SELF_REGISTERED_PREFIX } from '../../domain/apps/own-names.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { StagedApp } from '../../domain/instance/staged-records.ts'
import type { TrustedApplications } from '../../store/repositories/apps/trusted-applications.ts'
import { everyPage } from './every-page.ts'
import type { Later, Was } from './later.ts'
import { stagedSecrets } from './staged-secrets.ts'

const byUri = (a: TrustedApplication, b: TrustedApplication): number => (a.applicationUri < b.applicationUri ? -1 : 1)

/** Apps as they are to be: what changes is held back, and what was asked for once is not asked for again. */
export function createStagedApps(read: TrustedApplications, later: Later) {
  const apps = new Map<string, Was<TrustedApplication>>()
  const added = new Set<string>()
  const changed = new Set<string>()
  let leaving: ReadonlySet<string> = new Set()
  // The apps of secrets, by their ids.
  const owners = new Map<string, string>()

  function put(uri: string, was: Was<TrustedApplication>): void {
    apps.set(uri, was)
    for (const { id } of was.after?.secrets ?? []) owners.set(id, uri)
  }

  async function preload(uris: Iterable<string>): Promise<void> {
    const asked = [...uris].filter((uri) => !apps.has(uri))
    const found = await read.findEach(asked)
    leaving = new Set([...leaving, ...(await read.beingRemoved(asked.filter((uri) => !found.has(uri))))])
    for (const uri of asked) put(uri, { before: found.get(uri), after: found.get(uri) })
  }

  async function find(uri: string): Promise<TrustedApplication | undefined> {
    if (!apps.has(uri)) await preload([uri])
    return apps.get(uri)?.after
  }

  async function change(uri: string, how: (app: TrustedApplication) => TrustedApplication): Promise<void> {
    const app = await find(uri)
    if (app) put(uri, { before: apps.get(uri)?.before, after: how(app) })
  }

  const changeSecrets = (uri: string, how: (secrets: readonly AppSecret[]) => readonly AppSecret[]): Promise<void> =>
    change(uri, (app) => ({ ...app, secrets: how(app.secrets) }))

  const changeSecret = (id: string, how: (secret: AppSecret) => AppSecret): Promise<void> =>
    changeSecrets(owners.get(id) ?? '', (all) => all.map((one) => (one.id === id ? how(one) : one)))

  const repository: TrustedApplications = {
    ...read,
    find,

    async list() {
      const all = [...apps.values()].flatMap(({ after }) => after ?? [])
      for await (const page of everyPage(read.page, ({ applicationUri }) => applicationUri))
        all.push(...page.filter(({ applicationUri }) => !apps.has(applicationUri)))
      return all.sort(byUri)
    },

    async naming(name) {
      const others = (await read.naming(name)).filter(({ applicationUri }) => !apps.has(applicationUri))
      return [...others, ...[...apps.values()].flatMap(({ after }) => after ?? [])].sort(byUri)
    },

    async actingAs(userId) {
      const others = (await read.actingAs(userId)).filter((uri) => !apps.has(uri))
      const known = [...apps.values()].flatMap(({ after }) =>
        after?.systemUser === userId ? [after.applicationUri] : [],
      )
      return [...others, ...known].sort()
    },

    async add(app, now) {
      if ((await find(app.applicationUri)) || leaving.has(app.applicationUri)) return false
      added.add(app.applicationUri)
      const fresh = { secrets: [], isEnabled: true, epoch: now, createdAt: now, updatedAt: now }
      put(app.applicationUri, { before: apps.get(app.applicationUri)?.before, after: { ...app, ...fresh } })
      return true
    },

    async update(app, now) {
      const uri = app.applicationUri
      if (!added.has(uri)) changed.add(uri)
      await change(uri, (before) => {
        const epoch = before.epoch + (isAnotherKind(before, app) ? 1 : 0)
        return { ...before, ...app, epoch, updatedAt: now }
      })
    },

    async setEnabled(uri, isEnabled, now) {
      if (!added.has(uri)) changed.add(uri)
      await change(uri, (app) => ({ ...app, isEnabled, epoch: app.epoch + 1, updatedAt: now }))
    },

    addSecret: (uri, secret) =>
      changeSecrets(uri, (all) => [...all, { label: undefined, ...secret, lastUsedAt: undefined }]),

    removeSecret: (uri, id) => changeSecrets(uri, (all) => all.filter((one) => one.id !== id)),

    updateSecret: (id, { label, expiresAt }) => changeSecret(id, (secret) => ({ ...secret, label, expiresAt })),

    sealSecret: (id, sealed) => changeSecret(id, (secret) => ({ ...secret, sealed })),

    forgetSealedSecrets: (uri) =>
      changeSecrets(uri, (all) =>
        all.map((secret) => (secret.sealed === undefined ? secret : { ...secret, sealed: undefined })),
      ),

    expireSecrets: (uri, end) =>
      changeSecrets(uri, (all) =>
        all.map((secret) => ((secret.expiresAt ?? Infinity) <= end ? secret : { ...secret, expiresAt: end })),
      ),

    dropExpiredSecrets: (uri, now) =>
      changeSecrets(uri, (all) => all.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now)),

    async remove(uri) {
      await find(uri)
      put(uri, { before: apps.get(uri)?.before, after: undefined })
      changed.delete(uri)
      if (added.delete(uri)) return
      later.changeEach('apps removed', uri, (unit, uris, now) => unit.apps.removeEach(uris, now))
    },
  }

  const staged = (uri: string): StagedApp[] => {
    const { before, after } = apps.get(uri) ?? {}
    if (!after) return []
    const { isEnabled, updatedAt } = after
    const epoch = after.epoch - (before?.epoch ?? 0)
    const concerns = before !== undefined && (epoch > 0 || concernsTokens(before, after))
    const [registration, isNew] = [registrationOf(after), before === undefined]
    return [{ registration, isNew, isEnabled, epoch, concernsTokens: concerns, updatedAt }]
  }

  return {
    apps: repository,
    preload,
    /** Every app that was looked at, as it was and as it is to be. */
    looked: (): readonly Was<TrustedApplication>[] => [...apps.values()],
    /** Whether those among them that registered themselves are still as they were: what they change is not counted. */
    async holdsIn(stored: Pick<TrustedApplications, 'findEach'>): Promise<boolean> {
      const own = [...apps].filter(([uri]) => uri.startsWith(SELF_REGISTERED_PREFIX))
      const found = await stored.findEach(own.map(([uri]) => uri))
      const versionOf = (app: TrustedApplication | undefined) => app && versionOfApp(app)
      return own.every(([uri, { before }]) => versionOf(before) === versionOf(found.get(uri)))
    },
    records: () => ({ apps: [...added, ...changed].flatMap(staged), secrets: stagedSecrets(apps.values()) }),
  }
}
