import { developer, inTheApp, type Remedies } from './remedy.ts'

/** What to do about requests to the administration API and the profile API. */
export const API_REMEDIES = {
  'record-invalid': developer(
    'correct each attribute listed in errors of the response, and send the change again; nothing was changed',
    'a valid record',
  ),
  'record-conflict': developer(
    'first resolve each conflict listed in errors of the response, then send the change again; nothing was changed',
    'no conflict with existing records',
  ),
  'record-unknown': () => ({
    fix: inTheApp('use a name or id from a list of the API, and write a slash inside an ApplicationUri as %2F'),
    otherwise: 'tessera app list, tessera user list and tessera token list show what exists',
    expected: 'a record that exists',
  }),
  'record-changed': developer(
    'read the record again, repeat the change, and send it with the new ETag as If-Match',
    'If-Match with the current ETag of the record',
  ),
  'if-match-missing': developer(
    'send If-Match with the ETag of the record as you read it, or If-Match: * to overwrite any version',
    'If-Match',
  ),
  'entity-tag-malformed': developer(
    'send the ETag exactly as you received it, in its double quotes',
    'a list of entity tags, or *',
  ),
  'members-wrong': developer(
    'send the members described in openapi.json of the API, each with its type; errors of the response lists the wrong ones',
    'the members of /manage/api/v1/openapi.json or /profile/api/v1/openapi.json',
  ),
  'json-malformed': developer('send one JSON document in UTF-8, nested no deeper than a record', 'JSON'),
  'json-too-large': developer(
    'send a smaller body; any record with its URIs and keys fits into the limit',
    'at most 256 KiB',
  ),
  'json-type-wrong': developer(
    'send Content-Type: application/json, or application/merge-patch+json with PATCH',
    'application/json, or application/merge-patch+json in a PATCH',
  ),
  'cursor-malformed': developer(
    'send the next value of the previous page unchanged as cursor, or follow its Link header',
    'the next value of the previous page',
  ),
  'filter-malformed': developer(
    'send times as 2030-01-31T00:00:00Z, and one of the event names listed in errors of the response',
    'a value that can be searched for',
  ),
  'refusal-unknown': () => ({
    fix: 'search the log of the server for the id: the log has every refusal, including those that are not stored',
    otherwise:
      'tessera refusal list shows the stored ones; RefusalRetention and RefusalLimit set how long they are kept',
    expected: 'the id of a stored refusal',
  }),
  'token-speaks-for-nobody': developer(
    'create a SAT, or let an administrator sign in and create the PAT with their access token',
    'an access token of a person',
  ),
  'api-address-unknown': developer(
    'use the paths in openapi.json of the API, and write a slash inside an ApplicationUri as %2F',
    'a path of the API',
  ),
  'api-method-wrong': developer('use a method from the Allow header of the response', 'a method from the Allow header'),
} as const satisfies Remedies
