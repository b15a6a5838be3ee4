// Joiners shape letters in some scripts and build emoji; there, and nowhere else, they are part of the spelling.
const JOINED = /(?<=[\p{Script=Arabic}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]/gu
const EMOJI_STYLE = /(?<=\p{Emoji})\ufe0f/gu
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u

// In code points.
const LONGEST = 200

/** What a record is called that was given no name: by what it is found, or how that begins. */
export const nameFrom = (text: string): string => [...text].slice(0, LONGEST).join('')

/** Says why people could be misled by a name of an app or a user, or `undefined`. @see UTR 36 §2.5, UAX 9 §2 */
export function whyBadName(name: string): string | undefined {
  if ([...name].length > LONGEST) return `must have at most ${LONGEST} characters`
  if (name.trim() === '') return 'must not be empty'
  if (holdsHidden(name.replace(EMOJI_STYLE, '').replace(JOINED, ''))) {
    return 'must not contain control characters, line breaks, or characters that are invisible or change the text direction'
  }
  return undefined
}

/** Does a text hold characters that nobody sees or that change how the others are seen? */
export const holdsHidden = (text: string): boolean => HIDDEN.test(text)
