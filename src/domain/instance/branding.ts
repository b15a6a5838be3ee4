import { type Colour, contrastOf, LEAST_CONTRAST, mixed, nearestReadable } from './contrast.ts'
import type { SettingKind } from './setting-kinds.ts'

/** What stands for the look that Tessera comes with. */
export const STANDARD = 'standard'

/** The grounds that the colour stands on as a link, and its text on a button, by day and by night; as in templates/assets/tessera.css. */
const BY_DAY = { behind: ['#ffffff', '#faf8f4', '#f1ede4'], towards: '#000000' } as const
const BY_NIGHT = { behind: ['#06262b', '#10181d', '#151f25', '#1a252c'], towards: '#ffffff' } as const
type Grounds = typeof BY_DAY | typeof BY_NIGHT

const asColour = (text: string): Colour | undefined =>
  /^#[0-9a-f]{6}$/i.test(text) ? (text.toLowerCase() as Colour) : undefined

/** A colour of buttons and links, as far as they can be read. */
const brandColour = (grounds: Grounds, example: string): SettingKind<Colour | typeof STANDARD> => ({
  expects: `${STANDARD}, or a colour such as ${example} that can be read on the pages`,
  read: (text) => (text === STANDARD ? STANDARD : readable(asColour(text), grounds)),
  whyNot: (text) => {
    const colour = asColour(text)
    if (colour === undefined) return undefined
    const worst = Math.min(...grounds.behind.map((back) => contrastOf(colour, back)))
    const nearest = nearestReadable(colour, grounds.towards, grounds.behind)
    return `has a contrast of ${(Math.floor(worst * 100) / 100).toFixed(2)} to 1 where ${LEAST_CONTRAST} is needed; the nearest that would do is ${nearest}`
  },
})

const readable = (colour: Colour | undefined, { behind }: Grounds): Colour | undefined =>
  colour !== undefined && behind.every((back) => contrastOf(colour, back) >= LEAST_CONTRAST) ? colour : undefined

export const brandColourByDay = brandColour(BY_DAY, '#0e5a63')
export const brandColourByNight = brandColour(BY_NIGHT, '#79c9c2')

export const wall: SettingKind<Colour | typeof STANDARD> = {
  expects: `${STANDARD} for the mosaic, or a colour such as #0b2a36`,
  read: (text) => (text === STANDARD ? STANDARD : asColour(text)),
}

/** A picture as pages show it. */
export interface Logo {
  readonly type: string
  readonly bytes: Buffer
}

const MOST_BYTES = 64 * 1024
// No SVG, which can hold scripts.
const BEGINNINGS: Readonly<Record<string, RegExp>> = {
  'image/png': /^89504e470d0a1a0a/,
  'image/jpeg': /^ffd8ff/,
  'image/webp': /^52494646.{8}57454250/,
}

export const logo: SettingKind<Logo | typeof STANDARD> = {
  expects: `${STANDARD}, or a PNG, JPEG or WebP of at most ${MOST_BYTES / 1024} KiB as data:image/png;base64,...`,
  read: (text) => {
    if (text === STANDARD) return STANDARD
    const [, type = '', base64 = ''] = /^data:(image\/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
    const bytes = Buffer.from(base64, 'base64')
    const begins = Object.hasOwn(BEGINNINGS, type) && BEGINNINGS[type]?.test(bytes.subarray(0, 16).toString('hex'))
    return begins && bytes.length <= MOST_BYTES ? { type, bytes } : undefined
  },
}

/** A link at the foot of every page. */
export interface FooterLink {
  readonly words: string
  readonly url: string
}

const MOST_LINKS = 5

export const footerLinks: SettingKind<readonly FooterLink[]> = {
  expects: `none, or up to ${MOST_LINKS} links such as "Help https://help.example.com; Imprint https://example.com/imprint"`,
  read: (text) => {
    if (text === 'none') return []
    const links = text.split(/;\s+/).map((link) => {
      const [, words = '', url = ''] =
        /^([^<>\s](?:[^<>]{0,58}[^<>\s])?)\s+(https:\/\/\S{1,500})$/u.exec(link.trim()) ?? []
      return { words, url }
    })
    return links.length <= MOST_LINKS && links.every(({ url }) => URL.canParse(url)) ? links : undefined
  },
}

/** What the pages of an instance look like, apart from what they come with. */
export interface Branding {
  readonly brandColour: Colour | typeof STANDARD
  readonly brandColourDark: Colour | typeof STANDARD
  readonly wall: Colour | typeof STANDARD
  readonly logo: Logo | typeof STANDARD
  readonly footerLinks: readonly FooterLink[]
}

/** The sheet that follows the others; empty where all is as it comes. */
export function sheetOf({ brandColour: day, brandColourDark: night, wall: behind }: Branding): string {
  const byDay = day === STANDARD ? '' : tokens(day, mixed(day, BY_DAY.towards, 0.2), '#ffffff')
  // Who chose a colour for the day alone has one of the same kind at night.
  const atNight =
    night === STANDARD && day !== STANDARD ? nearestReadable(day, BY_NIGHT.towards, BY_NIGHT.behind) : night
  const byNight = atNight === STANDARD ? '' : tokens(atNight, mixed(atNight, BY_NIGHT.towards, 0.25), '#06262b')
  return [
    byDay,
    byNight && `@media (prefers-color-scheme: dark) {\n${byNight}}\n`,
    behind === STANDARD ? '' : wallOf(behind),
  ].join('')
}

const tokens = (brand: Colour, hover: Colour, on: Colour): string =>
  `:root {\n  --brand: ${brand};\n  --brand-hover: ${hover};\n  --link: ${brand};\n  --on-brand: ${on};\n}\n`

const wallOf = (colour: Colour): string =>
  `.gate::before {\n  background: ${colour};\n}\n` +
  `@media (min-width: 60rem) {\n  .gate {\n    background: linear-gradient(to right, ${colour} calc(500% / 12), transparent 0);\n  }\n}\n`
