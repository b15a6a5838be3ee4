import { check as groups } from './group-commit.ts'
import { check as signInTiming } from './lg-10-sign-in-timing.ts'
import { main } from './main.ts'
import { check as kill } from './r-01-kill.ts'
import { check as race } from './r-02-race.ts'
import { check as powerCut } from './r-03-power-cut.ts'
import { check as fsyncOrder } from './r-04-fsync-order.ts'
import { check as lock } from './r-05-lock.ts'
import { check as diskFull } from './r-06-disk-full.ts'
import { check as databaseRestarts } from './r-07-database-restarts.ts'
import { check as commitUnknown } from './r-08-commit-unknown.ts'
import { check as clock } from './r-09-clock.ts'
import { check as keyRotation } from './r-10-key-rotation.ts'
import { check as shutdown } from './r-11-shutdown.ts'
import { check as rollingRestart } from './r-12-rolling-restart.ts'
import { check as fuzz } from './r-13-fuzz.ts'
import { check as slowSenders } from './r-14-slow-senders.ts'
import { check as soak } from './r-16-soak.ts'
import { check as cleanUp } from './r-17-clean-up.ts'
import { check as backup } from './r-18-backup.ts'
import { check as olderBackup } from './r-19-older-backup.ts'
import { check as migration } from './r-20-migration.ts'
import { check as damaged } from './r-21-damaged.ts'
import { check as eventLoop } from './r-22-event-loop.ts'
import { check as configuration } from './r-24-configuration.ts'
import { check as manyOfEverything } from './r-25-many-of-everything.ts'

await main(
  [
    kill,
    race,
    powerCut,
    fsyncOrder,
    groups,
    lock,
    diskFull,
    databaseRestarts,
    commitUnknown,
    clock,
    keyRotation,
    shutdown,
    rollingRestart,
    fuzz,
    slowSenders,
    soak,
    cleanUp,
    backup,
    olderBackup,
    migration,
    damaged,
    eventLoop,
    configuration,
    manyOfEverything,
    signInTiming,
  ],
  process.argv.slice(2),
)
