import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { type Branding, STANDARD, sheetOf } from '../../../domain/instance/branding.ts'
import { storedName, valueOfSetting } from '../../../domain/instance/instance-settings.ts'
import { type Clock, SECOND } from '../../../lib/time/clock.ts'
import type { Settings } from '../../../store/repositories/instance/settings.ts'

const NAMES = ['BrandColor', 'BrandColorDark', 'PageWall', 'PageLogo', 'FooterLinks'] as const

// Each page would ask the database for what changes once in a year.
const READ_AGAIN_AFTER = 5 * SECOND

interface Dependencies {
  readonly settings: Pick<Settings, 'getEach'>
  readonly clock: Clock
}

export type Brand = ReturnType<typeof createBrand>

/** What the pages of this instance look like, as administrators have set it. */
export function createBrand({ settings, clock }: Dependencies) {
  let shown = showAs(new Map())
  let readAt = Number.NEGATIVE_INFINITY

  return {
    /** As it was read last. */
    shown: () => shown,

    /** Pages are shown as before while the database is away. */
    async readAgain(): Promise<void> {
      if (Math.abs(clock() - readAt) < READ_AGAIN_AFTER) return
      readAt = clock()
      try {
        shown = showAs(await settings.getEach(NAMES.map(storedName)))
      } catch {
        readAt = Number.NEGATIVE_INFINITY
      }
    },
  }
}

/** Everything that a page needs: addresses hold the hash of what they lead to, as both are kept by browsers. */
function showAs(stored: ReadonlyMap<string, string>) {
  const value = <Name extends (typeof NAMES)[number]>(name: Name) =>
    valueOfSetting<Name>(name, stored.get(storedName(name)))
  const branding: Branding = {
    brandColour: value('BrandColor'),
    brandColourDark: value('BrandColorDark'),
    wall: value('PageWall'),
    logo: value('PageLogo'),
    footerLinks: value('FooterLinks'),
  }
  const sheet = sheetOf(branding)
  const { logo, footerLinks } = branding
  return {
    sheet,
    sheetPath: sheet === '' ? undefined : `/brand/style.css?v=${hashOf(sheet)}`,
    logo: logo === STANDARD ? undefined : logo,
    logoPath: logo === STANDARD ? undefined : `/brand/logo?v=${hashOf(logo.bytes)}`,
    footerLinks,
  }
}

const hashOf = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex').slice(0, 12)

/** Every page, and what belongs to one, is asked for with what is set now. */
export function keepBrandFresh(server: FastifyInstance, brand: Pick<Brand, 'readAgain'>): void {
  server.addHook('onRequest', async ({ routeOptions }) => {
    if (routeOptions.config.page === true || routeOptions.config.brand === true) await brand.readAgain()
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A part of how pages look. */
    brand?: true
  }
}
