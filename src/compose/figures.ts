import type { Config } from '../config/read-config.ts'
import { LOGOUT_NOTICE } from '../domain/outbox/logout-notice.ts'
import { cleanUpLags } from '../operations/maintenance/clean-up.ts'
import type { LogStream } from '../web/kit/limits/limits.ts'
import type { Places } from '../web/kit/limits/places.ts'
import type { Core } from './core.ts'
import type { Services } from './services.ts'

interface Measured {
  readonly config: Pick<Config, 'sessions'>
  readonly core: Pick<Core, 'store' | 'clock'>
  readonly services: Pick<Services, 'outbox' | 'refusalLog'>
  readonly places: Pick<Places, 'figures'>
  readonly log: LogStream | undefined
}

/** Where the figures of `/metrics` come from. */
export const figuresOf = ({ config, core: { store, clock }, services, places, log }: Measured) => ({
  databaseSize: store.size,
  lostLogLines: () => log?.lost?.() ?? 0,
  licence: async () => {
    const rules = await store.read.settings.apiSessionRules()
    return { slots: rules.slots, live: (await store.read.apiSessions.survey({ rules, now: clock() })).live }
  },
  logoutNotices: () => services.outbox.figures(LOGOUT_NOTICE),
  requests: places.figures,
  refusals: services.refusalLog.counts,
  cleanUpLags: () => cleanUpLags({ read: store.read, clock, longestSession: config.sessions.absolute }),
})
