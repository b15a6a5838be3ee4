import { developer, inTheApp, type Remedies } from './remedy.ts'

/** What to do about requests to the administration API and the profile API. */
export const API_REMEDIES = {
  'record-invalid': developer(
    'mend each attribute that errors of the answer names, and send the change again; nothing was changed',
    'a record that can work',
  ),
  'record-conflict': developer(
    'change or remove first what errors of the answer names, and send the change again; nothing was changed',
    'nothing in the way',
  ),
  'record-unknown': () => ({
    fix: inTheApp('take the name or id from a list of the API, and write a slash inside an ApplicationUri as %2F'),
    otherwise: 'tessera app list, tessera user list and tessera token list show what there is',
    expected: 'a record that exists',
  }),
  'record-changed': developer(
    'read the record again, make the change anew, and send it with the new ETag as If-Match',
    'If-Match with the ETag of the record as it is now',
  ),
  'if-match-missing': developer(
    'send If-Match with the ETag that came with the record, or If-Match: * to overwrite whatever it is now',
    'If-Match',
  ),
  'entity-tag-malformed': developer('send the ETag as it came, in its double quotes', 'a list of entity tags, or *'),
  'members-wrong': developer(
    'send the members that the description of the API names, each of its type; errors of the answer names the wrong ones',
    'the members of /manage/api/v1/openapi.json or /profile/api/v1/openapi.json',
  ),
  'json-malformed': developer('send one JSON document in UTF-8, and no deeper than a record needs', 'JSON'),
  'json-too-large': developer('send a smaller body: a record with all its URIs and keys fits', 'at most 256 KiB'),
  'json-type-wrong': developer(
    'send Content-Type: application/json, or application/merge-patch+json with PATCH',
    'application/json, or application/merge-patch+json in a PATCH',
  ),
  'cursor-malformed': developer(
    'send as cursor what next of the page before said, unchanged, or follow its Link header',
    'the next of the page before',
  ),
  'filter-malformed': developer(
    'send times as 2030-01-31T00:00:00Z, and events by a name that errors of the answer lists',
    'a value that can be looked for',
  ),
  'refusal-unknown': () => ({
    fix: 'look for the id on the log of the server: it holds every refusal, also those that are not kept',
    otherwise: 'tessera refusal list shows those that are kept; RefusalRetention and RefusalLimit say for how long',
    expected: 'the id of a refusal that is kept',
  }),
  'token-speaks-for-nobody': developer(
    'make a SAT, or let an administrator sign in and make the PAT with their access token',
    'an access token of a person',
  ),
  'api-address-unknown': developer(
    'take the addresses from openapi.json of the API, and write a slash inside an ApplicationUri as %2F',
    'an address of the API',
  ),
  'api-method-wrong': developer(
    'use a method that the Allow header of the answer names',
    'a method of the Allow header',
  ),
} as const satisfies Remedies
