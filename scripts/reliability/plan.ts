/** Two forms of one check: short for every change, long for a night. */
const forms = <T>(quick: T, long: T): { readonly quick: T; readonly long: T } => ({ quick, long })

const SECOND = 1000
const MINUTE = 60 * SECOND
// Told, and held against no limit: too short a time, too busy a machine.
const NOT_CHECKED: number | undefined = undefined

// A header has 10 s and a request 15 s, which is looked at every second.
const HUNG_UP = { 'slow headers': 15 * SECOND, 'slow bodies': 17 * SECOND, 'silent connections': 15 * SECOND }
const HUNG_UP_WHEN_BUSY = { 'slow headers': 25 * SECOND, 'slow bodies': 25 * SECOND, 'silent connections': 25 * SECOND }

/**
 * How much of each check; times are milliseconds. The quick form shares its machine with others, so where a figure is a time it is
 * held against a wider limit, which the figure itself tells.
 */
export const PLAN = {
  'R-01': forms(
    { kills: 8, nodeKills: 3, databaseKills: 3, people: 6, longestRound: 600, ready: 10 * SECOND },
    { kills: 200, nodeKills: 50, databaseKills: 50, people: 8, longestRound: 800, ready: 2 * SECOND },
  ),
  'R-02': forms({ rounds: 3, together: 50, delay: 20 }, { rounds: 200, together: 50, delay: 20 }),
  'R-03': forms({ cuts: 3, people: 4, longestRound: SECOND }, { cuts: 50, people: 8, longestRound: 3 * SECOND }),
  'R-04': forms({ exchanges: 100 }, { exchanges: 500 }),
  'R-05': forms(
    { locks: [SECOND, 3 * SECOND], stall: 750, patience: 3 * SECOND },
    { locks: [SECOND, 3 * SECOND, 10 * SECOND], stall: 50, patience: 2 * SECOND + 200 },
  ),
  'R-06': forms(
    { rounds: 1, stay: 2 * SECOND, recovery: 10 * SECOND },
    { rounds: 5, stay: 20 * SECOND, recovery: 5 * SECOND },
  ),
  'R-07': forms(
    { restarts: 2, terminateFor: 5 * SECOND, outage: 5 * SECOND, recovery: 8 * SECOND, connections: 5 },
    { restarts: 20, terminateFor: MINUTE, outage: 30 * SECOND, recovery: 3 * SECOND, connections: 10 },
  ),
  'R-08': forms({ cuts: 9 }, { cuts: 300 }),
  'R-09': forms(
    { back: [-5, -86_400], forward: [3600], stay: 2 * SECOND },
    // Long enough for the clean-up, which comes every 30 s.
    { back: [-5, -3600, -86_400], forward: [3600, 86_400], stay: 40 * SECOND },
  ),
  'R-10': forms(
    { rotations: 3, every: 3 * SECOND, publishFor: 6 * SECOND, cacheFor: 3 * SECOND, workers: 4, perSecond: 50 },
    {
      rotations: 20,
      every: 30 * SECOND,
      publishFor: 6 * MINUTE,
      cacheFor: 5 * MINUTE,
      workers: 16,
      perSecond: 200,
    },
  ),
  'R-11': forms({ stops: 3, perSecond: 60, people: 4 }, { stops: 50, perSecond: 200, people: 32 }),
  'R-12': forms({ rounds: 1, perSecond: 60, people: 10 }, { rounds: 10, perSecond: 100, people: 20 }),
  'R-13': forms(
    // The same requests every time, so that whoever breaks something sees it at their change.
    {
      ...{ seed: 20_261_121 as number | undefined, requests: 10_000, onPostgres: 2000, atOnce: 4 },
      ...{ warmUp: 0.3, growth: 64, p99: 500 },
    },
    { seed: undefined, requests: 1_000_000, onPostgres: 100_000, atOnce: 8, warmUp: 0.1, growth: 64, p99: 100 },
  ),
  'R-14': forms(
    {
      ...{ people: 4, perSecond: 30, before: 5 * SECOND, duration: 18 * SECOND, slower: NOT_CHECKED },
      ...{ headers: 200, bodies: 50, readers: 50, idle: 100, hungUp: HUNG_UP_WHEN_BUSY },
    },
    {
      ...{ people: 12, perSecond: 50, before: 30 * SECOND, duration: 120 * SECOND, slower: 2 },
      ...{ headers: 2000, bodies: 500, readers: 500, idle: 1000, hungUp: HUNG_UP },
    },
  ),
  'R-16': forms(
    {
      warmUp: 5 * SECOND,
      duration: 30 * SECOND,
      perSecond: 30,
      people: 6,
      growth: NOT_CHECKED,
      slower: NOT_CHECKED,
    },
    { warmUp: 10 * MINUTE, duration: 60 * MINUTE, perSecond: 60, people: 12, growth: 1, slower: 1.2 },
  ),
  'R-17': forms(
    {
      rows: 4000,
      people: 4,
      perSecond: 30,
      before: 5 * SECOND,
      patience: 50 * SECOND,
      slower: NOT_CHECKED,
      delay: 500,
    },
    { rows: 670_000, people: 16, perSecond: 100, before: MINUTE, patience: 40 * MINUTE, slower: 1.5, delay: 20 },
  ),
  'R-18': forms(
    { backups: 2, before: 8 * SECOND, every: 2 * SECOND, perSecond: 30, people: 4, slower: NOT_CHECKED },
    { backups: 20, before: 30 * SECOND, every: 30 * SECOND, perSecond: 100, people: 16, slower: 2 },
  ),
  'R-19': forms({ signIns: 6 }, { signIns: 60 }),
  'R-20': forms({ kills: 5, pairs: 1 }, { kills: 30, pairs: 10 }),
  'R-21': forms({ longest: 6 * SECOND }, { longest: 2 * SECOND }),
  'R-22': forms(
    { people: 16, duration: 8 * SECOND, flood: 150, delay: 500, answered: 10 * SECOND },
    { people: 64, duration: MINUTE, flood: 500, delay: 50, answered: 2500 },
  ),
  'LG-10': forms({ each: 60, apart: 50, told: 0.75 }, { each: 300, apart: 5, told: 0.6 }),
  'R-24': forms({ least: 60 }, { least: 60 }),
  'R-25': forms(
    {
      ...{ people: 1500, apps: 500, tokens: 3000, rounds: 1, longest: 200, ending: 500 },
      ...{ patience: 5 * MINUTE, mayBeLeft: 0 as number | undefined },
    },
    {
      ...{ people: 100_000, apps: 10_000, tokens: 1_000_000, rounds: 3, longest: 20, ending: 50 },
      ...{ patience: 30 * SECOND, mayBeLeft: NOT_CHECKED },
    },
  ),
  groups: forms({ units: 400, atOnce: 32 }, { units: 20_000, atOnce: 64 }),
} as const
