/** A comma ends a URI only where another one, or what passes for one, begins behind it: elsewhere it is a character of the URI. @see RFC 3986 §2.2 */
const NEXT_URI = /,(?=\s|\/|[A-Za-z][A-Za-z0-9+.-]*:)/

const isFiller = (character: string | undefined): boolean => character === ',' || character?.trim() === ''

/** A part without the commas and spaces around it, which separate nothing. */
function bare(part: string): string {
  let [start, end] = [0, part.length]
  while (start < end && isFiller(part[start])) start++
  while (end > start && isFiller(part[end - 1])) end--
  return part.slice(start, end)
}

/** The URIs of a list that is one text. */
export const splitUris = (text: string): string[] =>
  text
    .split(NEXT_URI)
    .map(bare)
    .filter((uri) => uri !== '')

/** Says why a URI would not come back whole from a list that is one text, or `undefined`. */
export const whyNotInList = (uri: string): string | undefined =>
  NEXT_URI.test(uri) || bare(uri) !== uri
    ? 'must not begin or end with a comma, nor have one before what reads as another URI, such as ",https:" or ",/": lists are separated there'
    : undefined
