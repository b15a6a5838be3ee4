import type { ErrorCode } from 'yaml'

const INDENT = 'the indentation is wrong; align the records of a list, and indent their attributes by two more spaces'
const QUOTES = 'put the text in quotes'

/** What the parser stumbles over, as people would say it; its own message may quote a secret. */
export const YAML_MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: `an alias (*name) has no name; if a text begins with * or &, ${QUOTES}`,
  BAD_COLLECTION_TYPE: 'the tag does not match the kind of value',
  BAD_DIRECTIVE: `a line that begins with % is not a YAML directive; ${QUOTES}`,
  BAD_DQ_ESCAPE: 'a backslash in double quotes is not followed by a YAML escape; write the backslash twice',
  BAD_INDENT: INDENT,
  BAD_PROP_ORDER: 'an anchor or a tag is in the wrong place',
  BAD_SCALAR_START: `a text begins with a character that has a meaning in YAML; ${QUOTES}`,
  BLOCK_AS_IMPLICIT_KEY: `the line has a second colon, or the indentation is wrong; if it is a text, ${QUOTES}`,
  BLOCK_IN_FLOW: 'a list with hyphens or a text of several lines is inside [ ] or { }',
  DUPLICATE_KEY: 'the same name occurs twice in one record',
  IMPOSSIBLE: 'the parser cannot read it',
  KEY_OVER_1024_CHARS: 'a name has more than 1024 characters',
  MISSING_CHAR: 'a character is missing, such as a closing quote or bracket, a comma, a colon or the space after it',
  MULTILINE_IMPLICIT_KEY: 'a name spans several lines; a colon may be missing',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_DOCS: 'a second document begins; only one is allowed',
  MULTIPLE_TAGS: 'a value has two tags',
  NON_STRING_KEY: 'a name is not a text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab indents the line; use spaces',
  TAG_RESOLVE_FAILED: `a tag (!name) is not supported; if a text begins with !, ${QUOTES}`,
  UNEXPECTED_TOKEN: `there is something where nothing is expected; if it is a text, ${QUOTES}`,
}
