import { readDuration, showDuration } from '../../lib/time/duration.ts'

/** How values of a setting are written, and what they mean. */
export interface SettingKind<T> {
  /** Completes the sentence "NAME expects ...". */
  readonly expects: string
  /** The meaning of a text; `undefined` when it cannot be read. */
  readonly read: (text: string) => T | undefined
  /** What is wrong with one that cannot be read, where more can be said than what is expected. */
  readonly whyNot?: (text: string) => string | undefined
}

/** A value as people read it: of a picture that was written as a text the beginning alone. */
export const inShort = (text: string, most = 200): string =>
  text.length <= most ? text : `${text.slice(0, 40)}... (${text.length} characters)`

/** A length of time. @param least milliseconds, as `most` and what is read */
export const lengthOfTime = (least: number, example: string, most = Number.POSITIVE_INFINITY): SettingKind<number> => ({
  expects: `a length of time ${rangeOf(least, most)}, such as ${example}`,
  read: (text) => {
    const milliseconds = readDuration(text)
    return milliseconds !== undefined && milliseconds >= least && milliseconds <= most ? milliseconds : undefined
  },
})

const rangeOf = (least: number, most: number): string =>
  most === Number.POSITIVE_INFINITY
    ? `of at least ${showDuration(least)}`
    : `from ${showDuration(least)} to ${showDuration(most)}`

export const wholeNumber = (least: number, most: number): SettingKind<number> => ({
  expects: `a whole number from ${least} to ${most}`,
  read: (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1
    return number >= least && number <= most ? number : undefined
  },
})
