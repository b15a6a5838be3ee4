import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/**
 * Says whether a text in lower case is one of the fifty thousand passwords that have leaked most often.
 * The list is read each time: passwords are chosen rarely, it takes about a millisecond, and no command that chooses none pays for it.
 */
export function isListedPassword(text: string): boolean {
  const list = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json')
  // Of JSON it needs no more than the quotes: parsing it would take ten times as long.
  return readFileSync(list, 'utf8').includes(JSON.stringify(text))
}
