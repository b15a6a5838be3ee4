/** One number of a check, and whether it had to be like this. */
export interface Figure {
  readonly name: string
  readonly value: string
  /** What was demanded, in words; nothing for what is only told. */
  readonly demanded?: string
  readonly missed: boolean
}

export type Verdict = ReturnType<typeof createVerdict>

const shown = (value: number, unit: string): string =>
  `${Number.isInteger(value) ? value : Number(value.toPrecision(3))}${unit === '' ? '' : ` ${unit}`}`

/** Collects the figures of a check and checks each as it comes. */
export function createVerdict(tell: (line: string) => void) {
  const figures: Figure[] = []

  function note(figure: Figure): void {
    figures.push(figure)
    const demanded = figure.demanded === undefined ? '' : ` (${figure.demanded})`
    tell(`${figure.missed ? 'MISSED ' : ''}${figure.name}: ${figure.value}${demanded}`)
  }

  return {
    figures,
    told: (name: string, value: number | string, unit = ''): void =>
      note({ name, value: typeof value === 'number' ? shown(value, unit) : value, missed: false }),
    none: (name: string, value: number): void =>
      note({ name, value: String(value), demanded: 'none', missed: value !== 0 }),
    exactly: (name: string, value: number, wanted: number): void =>
      note({ name, value: String(value), demanded: `exactly ${wanted}`, missed: value !== wanted }),
    /** Without a limit it is only told. */
    atMost: (name: string, value: number, most: number | undefined, unit = ''): void =>
      most === undefined
        ? note({ name, value: shown(value, unit), missed: false })
        : note({ name, value: shown(value, unit), demanded: `at most ${shown(most, unit)}`, missed: !(value <= most) }),
    atLeast: (name: string, value: number, least: number, unit = ''): void =>
      note({ name, value: shown(value, unit), demanded: `at least ${shown(least, unit)}`, missed: !(value >= least) }),
    that: (name: string, holds: boolean, otherwise = 'no'): void =>
      note({ name, value: holds ? 'yes' : otherwise, demanded: 'yes', missed: !holds }),
  }
}
