/** A colour as `#rrggbb`, in small letters. */
export type Colour = `#${string}`

/** The least contrast of text and what is behind it. @see WCAG 2.2 §1.4.3 */
export const LEAST_CONTRAST = 4.5

const partsOf = (colour: Colour): readonly number[] =>
  [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16))

function luminanceOf(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = partsOf(colour).map((byte) => {
    const part = byte / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** From 1 to 21. @see WCAG 2.2, contrast ratio */
export function contrastOf(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [luminanceOf(one), luminanceOf(other)].sort((left, right) => left - right)
  return (light + 0.05) / (dark + 0.05)
}

/** A colour on the way to another one. @param share how far, from 0 to 1 */
export function mixed(colour: Colour, towards: Colour, share: number): Colour {
  const goal = partsOf(towards)
  const parts = partsOf(colour).map((part, index) => Math.round(part + ((goal[index] ?? 0) - part) * share))
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

/** The first colour on the way to another one that can be read on each of these. */
export function nearestReadable(colour: Colour, towards: Colour, behind: readonly Colour[]): Colour {
  for (let step = 0; step < 100; step++) {
    const candidate = mixed(colour, towards, step / 100)
    if (behind.every((back) => contrastOf(candidate, back) >= LEAST_CONTRAST)) return candidate
  }
  return towards
}
