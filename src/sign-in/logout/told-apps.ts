import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { createInteractionSeal } from '../../domain/protocol/interaction-seal.ts'
import type { Boxes } from '../../lib/crypto/master-keys.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'
import type { Repositories } from '../../store/store.ts'

// Long enough to read it, and to see who answers late.
const SHOWN_FOR = 2 * MINUTE
// What a page shows, and an address can hold.
const MOST_NAMED = 20

/** Which apps were told of a sign-out; it travels to the page that says so, and counts in the browser that signed out alone. */
interface Told {
  readonly startedAt: number
  /** Digest of the browser's cookie. */
  readonly browser: string
  /** Each by its ApplicationUri, with the id of what was sent to it unless the browser told it. */
  readonly apps: readonly { readonly uri: string; readonly delivery: string | undefined }[]
  /** How many more there are. */
  readonly more: number
}

/** An app that was told of a sign-out: it said so, the browser brought it word, or it has not answered so far. */
export interface ToldApp extends Pick<TrustedApplication, 'name' | 'localizedNames'> {
  readonly outcome: 'heard' | 'asked' | 'silent'
}

interface Dependencies {
  readonly apps: Pick<Repositories['apps'], 'findEach'>
  readonly outbox: Pick<Repositories['outbox'], 'find'>
  readonly boxes: Boxes
  readonly clock: Clock
}

export type ToldApps = ReturnType<typeof createToldApps>

/** Whose windows somebody has to close themselves comes first. */
const bySilence = (a: ToldApp, b: ToldApp): number =>
  Number(b.outcome === 'silent') - Number(a.outcome === 'silent') || a.name.localeCompare(b.name)

/** Keeps which apps were told of a sign-out for the page after it, without storing anything. */
export function createToldApps({ apps, outbox, boxes, clock }: Dependencies) {
  const sealed = createInteractionSeal<Told>({ purpose: 'told apps', what: 'list of apps', boxes, clock })

  const outcomeOf = async (delivery: string | undefined): Promise<ToldApp['outcome']> => {
    if (delivery === undefined) return 'asked'
    return (await outbox.find(delivery))?.deliveredAt === undefined ? 'silent' : 'heard'
  }

  return {
    /** @param browserOf the browser that is to read it @returns nothing where no app was told */
    seal(left: readonly LeftApp[], browserOf: () => string): string | undefined {
      const told = left.filter((app) => app.delivery !== undefined || app.frontchannelLogoutUri !== undefined)
      if (told.length === 0) return undefined
      return sealed.seal({
        startedAt: clock(),
        browser: browserOf(),
        apps: told.slice(0, MOST_NAMED).map(({ applicationUri: uri, delivery }) => ({ uri, delivery })),
        more: Math.max(0, told.length - MOST_NAMED),
      })
    },

    /** How it went so far. @returns nothing for what is too old, or of another browser */
    async open(box: string, browser: string | undefined) {
      const opened = sealed.open(box)
      if (!opened || opened.age > SHOWN_FOR || opened.interaction.browser !== browser) return undefined
      const { apps: told, more } = opened.interaction
      const found = await apps.findEach(told.map(({ uri }) => uri))
      const shown: ToldApp[] = []
      for (const { uri, delivery } of told) {
        const app = found.get(uri)
        if (app) shown.push({ name: app.name, localizedNames: app.localizedNames, outcome: await outcomeOf(delivery) })
      }
      return { apps: shown.toSorted(bySilence), more }
    },
  }
}
