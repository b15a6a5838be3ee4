// SQLite alone: asks no database

import t from 'tap'
import { looseIn, matchesWhole } from './fixtures/answers/matches-whole.ts'

/** What it asserts beyond `t.match`, and of what. */
function assertedOf(found: unknown, pattern: unknown) {
  const asserted: unknown[] = []
  const hear = (is: unknown, expected: unknown) => asserted.push([is, expected])
  matchesWhole({ match: hear, strictSame: hear }, found, pattern)
  return asserted
}

const DAVID = {
  login: 'david',
  roles: ['user', 'admin'],
  leftAt: null,
  attempts: 0,
  isEnabled: false,
  note: '',
  settings: {},
}

await t.test('what is as the pattern says passes, whatever else is told of it', async (t) => {
  const patterns: readonly Readonly<Record<string, unknown>>[] = [
    { login: 'david' },
    DAVID,
    { login: /^d/, roles: [/^user$/, String], attempts: Number, settings: Object },
    { deletedAt: undefined, note: '' },
  ]
  for (const pattern of patterns) {
    matchesWhole(t, DAVID, pattern, JSON.stringify(pattern))
    matchesWhole(t, { items: [DAVID] }, { items: [pattern] }, 'as part of something')
  }
  for (const whole of ['', 'read', 0, 7, true, null, undefined, [], {}, [[]], [null]])
    matchesWhole(t, whole, whole, JSON.stringify(whole))
})

await t.test('what t.match takes for more than it says does not', async (t) => {
  const rows: readonly (readonly [pattern: unknown, found: unknown, fault: string])[] = [
    [['user'], ['user', 'admin'], 'it has 2 parts, not 1'],
    [[], ['user'], 'it has 1 parts, not 0'],
    [[], {}, 'it is no list'],
    [['user'], { 0: 'user', length: 1 }, 'it is no list'],
    [{ roles: ['user'] }, DAVID, 'it.roles has 2 parts, not 1'],
    [[{ roles: [] }], [DAVID], 'it[0].roles has 2 parts, not 0'],
    [{}, DAVID, 'it is not empty'],
    [{}, [], 'it is not empty'],
    [{ of: {} }, { of: { login: 'david' } }, 'it.of is not empty'],
    [{ deletedAt: null }, DAVID, 'it.deletedAt is undefined, not null'],
    [{ attempts: 0 }, { attempts: '0' }, 'it.attempts is 0, not 0'],
    [{ attempts: 1 }, { attempts: true }, 'it.attempts is true, not 1'],
    [{ attempts: false }, DAVID, 'it.attempts is 0, not false'],
    [{ note: false }, DAVID, 'it.note is , not false'],
  ]
  for (const [pattern, found, fault] of rows) {
    t.match(found, pattern, `${fault}: t.match takes it`)
    t.strictSame(assertedOf(found, pattern), [
      [found, pattern],
      [[fault], []],
    ])
  }
})

await t.test('every fault is named', async (t) => {
  t.strictSame(looseIn(DAVID, { roles: ['user'], attempts: 1, settings: { theme: null } }), [
    'it.roles has 2 parts, not 1',
    'it.attempts is 0, not 1',
    'it.settings.theme is undefined, not null',
  ])
})
