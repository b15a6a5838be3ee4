// SQLite alone: is about clocks, and stores nothing
import t from 'tap'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/lib/time/clock.ts'
import { createTimekeeper } from '../../src/lib/time/timekeeper.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

/** A machine whose clock can be set while its timer goes on. */
function machine(notBefore = 0) {
  let wall = NOON
  let timer = 1234
  const time = createTimekeeper({ wall: () => wall, timer: () => timer }, notBefore)
  return {
    time,
    pass(milliseconds: number) {
      wall += milliseconds
      timer += milliseconds
    },
    set(by: number) {
      wall += by
    },
  }
}

await t.test('a clock that nobody touches is simply read', async (t) => {
  const { time, pass } = machine()
  for (let minute = 0; minute < 100; minute++) {
    t.equal(time.now(), NOON + minute * MINUTE)
    t.equal(time.lead(), 0)
    pass(MINUTE)
  }
})

for (const step of [5 * SECOND, HOUR, DAY])
  await t.test(`R-09: set back by ${step / SECOND} s, time goes on from where it was`, async (t) => {
    const { time, pass, set } = machine()
    pass(HOUR)
    let last = time.now()
    set(-step)
    t.equal(time.now(), last, 'what had expired stays expired')
    for (let minute = 0; minute < 60; minute++) {
      pass(MINUTE)
      t.ok(time.now() > last, 'and what lives grows older')
      t.ok(time.now() - last >= 0.9 * MINUTE - 1 || time.lead() >= -1, 'at nearly its usual pace')
      last = time.now()
    }
    pass(10 * step)
    t.ok(Math.abs(time.lead()) <= 1, 'until the clock has caught up')
  })

for (const step of [5 * SECOND, HOUR, DAY])
  await t.test(
    `R-09: set forward by ${step / SECOND} s and put right, time is right again within a minute`,
    async (t) => {
      const { time, pass, set } = machine()
      set(step)
      t.equal(time.now(), NOON + step, 'a step forward is believed: a machine that slept wakes up')
      pass(5 * MINUTE)
      set(-step)
      t.ok(time.now() - (NOON + 5 * MINUTE) <= 30 * SECOND + 1, `ahead by ${time.now() - NOON - 5 * MINUTE} ms`)
      t.ok(time.now() >= NOON + 5 * MINUTE)
    },
  )

await t.test(
  'a process that starts after the clock was set back does not go behind the time reached before',
  async (t) => {
    const { time, pass } = machine(NOON + HOUR)
    t.equal(time.now(), NOON + HOUR)
    pass(MINUTE)
    t.ok(time.now() > NOON + HOUR)
  },
)

await t.test('a clock that drifts is followed, however far it goes', async (t) => {
  const { time, pass, set } = machine()
  for (let hour = 0; hour < 100; hour++) {
    pass(HOUR)
    set(-SECOND)
  }
  t.ok(time.lead() > -2 * SECOND, `behind by ${-time.lead()} ms after a hundred corrections`)
})

await t.test('the time reached does not believe a step forward, so that a restart comes back from it', async (t) => {
  const { time, pass, set } = machine()
  set(DAY)
  pass(MINUTE)
  t.ok(time.floor() < NOON + 2 * MINUTE)
})

await t.test(
  'what the clock says at a start is not written down for an hour, unless a restart explains it',
  async (t) => {
    for (const [record, believed] of [
      [0, false],
      [NOON - 5 * MINUTE, true],
      [NOON - 11 * MINUTE, false],
      [NOON + DAY, true],
    ] as const) {
      const { time, pass } = machine(record)
      t.equal(time.isBelieved(), believed, `the record is ${NOON - record} ms behind`)
      for (let minute = 0; minute < 59; minute++) pass(MINUTE)
      t.equal(time.isBelieved(), believed)
      pass(MINUTE)
      t.equal(time.isBelieved(), true, 'an hour at an even pace is believed')
      if (record <= NOON) t.equal(time.floor(), NOON + HOUR)
    }
  },
)

await t.test(
  'a lead is believed once the clock has kept it for an hour, and the hour begins anew with each step',
  async (t) => {
    const { time, pass, set } = machine(NOON)
    pass(MINUTE)
    set(365 * DAY)
    for (let half = 0; half < 4; half++) {
      pass(HOUR / 2)
      t.notOk(time.isBelieved(), 'set again half an hour ago')
      t.equal(time.floor(), NOON + MINUTE + (half + 1) * (HOUR / 2), 'time passes')
      set(HOUR)
      t.equal(time.lead(), 365 * DAY + (half + 1) * HOUR)
    }
    pass(HOUR)
    t.ok(time.isBelieved())
    t.equal(time.lead(), 0)
  },
)

await t.test('a clock that is put right within the hour leaves nothing behind', async (t) => {
  const { time, pass, set } = machine(NOON)
  set(365 * DAY)
  pass(59 * MINUTE)
  set(-365 * DAY)
  t.ok(time.isBelieved())
  t.equal(time.floor(), NOON + 59 * MINUTE)
})

await t.test('a first start at a wrong time is believed as little once the clock was put right', async (t) => {
  const { time, pass, set } = machine()
  pass(MINUTE)
  set(-365 * DAY)
  pass(2 * HOUR)
  t.notOk(time.isBelieved(), 'what it reached is a year ahead')
})
