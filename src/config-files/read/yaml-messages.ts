import type { ErrorCode } from 'yaml'

const INDENT =
  'the indentation does not fit; records of a list begin below one another, their attributes two spaces further in'
const QUOTES = 'put the text in quotes'

/** What the parser stumbles over, as people would say it; its own message may quote a secret. */
export const YAML_MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor and no tag',
  BAD_ALIAS: `an alias (*name) has no name; where a text begins with * or &, ${QUOTES}`,
  BAD_COLLECTION_TYPE: 'a tag says another kind of value than stands here',
  BAD_DIRECTIVE: `a line that begins with % is no directive of YAML; ${QUOTES}`,
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins no character that YAML knows; write it twice',
  BAD_INDENT: INDENT,
  BAD_PROP_ORDER: 'an anchor or a tag stands in the wrong place',
  BAD_SCALAR_START: `a text begins with a character that means something in YAML; ${QUOTES}`,
  BLOCK_AS_IMPLICIT_KEY: `a second colon stands in one line, or the indentation does not fit; where it is a text, ${QUOTES}`,
  BLOCK_IN_FLOW: 'a list with hyphens or a text of several lines stands inside [ ] or { }',
  DUPLICATE_KEY: 'the same name stands twice in one record',
  IMPOSSIBLE: 'the parser cannot make sense of it',
  KEY_OVER_1024_CHARS: 'a name has more than 1024 characters',
  MISSING_CHAR: 'a character is missing, such as a closing quote or bracket, a comma, a colon or the space behind it',
  MULTILINE_IMPLICIT_KEY: 'a name goes over several lines; a colon may be missing',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_DOCS: 'a second document begins; one is expected',
  MULTIPLE_TAGS: 'a value has two tags',
  NON_STRING_KEY: 'a name is no text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab indents the line; use spaces',
  TAG_RESOLVE_FAILED: `a tag (!name) is not known here; where a text begins with !, ${QUOTES}`,
  UNEXPECTED_TOKEN: `something stands where nothing is expected; ${QUOTES} where it is a text`,
}
