import type { ChangeContext } from '../../admin/change/record-change.ts'
import { conflict, invalidChange } from '../../admin/change/refuse-change.ts'
import { NO_ADMINISTRATOR, watchAdministrators } from '../../admin/users/last-administrator.ts'
import { type GivenAway, lostToGive } from '../../domain/access/self-registered-access.ts'
import { RECORDS_VERSION } from '../../domain/instance/staged-records.ts'
import type { SealAhead, SealForRows } from '../../lib/crypto/master-keys.ts'
import type { Passwords } from '../../lib/crypto/passwords.ts'
import type { Repositories, WriteStaged } from '../../store/store.ts'
import type { SourceText } from '../read/parse-source.ts'
import { readFiles, type Wanted } from '../read/read-files.ts'
import type { Variables } from '../read/variables.ts'
import type { Unit } from '../schema/describe-instance.ts'
import { type ConfigurationFault, toFault } from '../schema/fault.ts'
import { identityOf, type Suggest } from '../schema/records.ts'
import { createStagedUnit, type StagedUnit } from '../stage/staged-unit.ts'
import type { Change } from './changes.ts'
import { type FirstPasswords, prepareFirstPasswords } from './first-passwords.ts'
import { lostScopes } from './lost-scopes.ts'
import { pruningTasks } from './pruning-tasks.ts'
import { runTasks } from './run-tasks.ts'
import { stagedChanges } from './staged-changes.ts'
import { linkingTasks, tasksFor } from './tasks.ts'
import { unreadableSecrets, warningsAmong } from './warnings.ts'

/** What is needed to apply files. */
export interface Application {
  readonly read: Unit
  readonly writeStaged: WriteStaged
  readonly texts: readonly SourceText[]
  readonly variables: Variables
  readonly suggest: Suggest
  readonly passwords: Passwords
  /** Who applies them, and when; asked each time that the files are compared with what is there. */
  readonly contextNow: () => ChangeContext
  /** Seals secrets under their ids; asked each time that the files are compared with what is there. */
  readonly sealAhead: () => SealAhead
  /** Removes records that the files do not name, of the kinds they speak of. */
  readonly prune: boolean
  /** What apps that register themselves may have, and the API resource that is always there. */
  readonly given: GivenAway
  /** Writes nothing in the end. */
  readonly dryRun: boolean
  /** Asked before anything is put in. @throws Refused for changes that are not to be made */
  readonly approve?: ((outcome: Outcome) => void) | undefined
  /** Checks whoever applies them again by what the unit of work sees. @throws Refused */
  readonly recheck?: ((unit: Repositories) => Promise<unknown>) | undefined
  /** Asked before each step that takes long, and last of all inside the transaction. @throws Refused when nobody waits for it any more */
  readonly goOn?: (() => void) | undefined
  /** How many passwords may be hashed or compared; any number when left out. */
  readonly mostPasswords?: number | undefined
}

/** What changed, or would change, and what is unwise about it. */
export interface Outcome {
  readonly changes: readonly Change[]
  readonly warnings: readonly string[]
}

// An instance whose records change that often is being changed by a program.
const MOST_ATTEMPTS = 5

/**
 * Brings the instance to what the files say, whole or not at all. Everything is worked out first, while nobody waits: passwords are
 * hashed, and the changes are made on a unit of work that holds them back. If no record has changed since, they are put in by one short
 * transaction; otherwise they are worked out anew. A dry run ends before that, so that a plan cannot differ from what is done.
 * @throws Refused `invalid_change` with everything that is wrong; then nothing has happened
 */
export async function applyFiles(application: Application): Promise<Outcome> {
  const { read, texts, variables, suggest, contextNow, sealAhead, dryRun } = application
  let ahead = sealAhead()
  const seal: SealForRows = (secret, id) => ahead.seal(secret, id)
  const { wanted, faults } = readFiles(texts, { variables, suggest, now: contextNow().now, seal })
  const firstPasswords = await prepareFirstPasswords(wanted, application)
  for (let attempt = 1; ; attempt++) {
    application.goOn?.()
    const version = await read.settings.get(RECORDS_VERSION)
    ahead = sealAhead()
    const staged = createStagedUnit(read)
    const isUnchanged = (): Promise<boolean> => isAsStaged(staged, version, read)
    const tried = await settle(bringAbout(staged, wanted, faults, firstPasswords, application))
    if (!dryRun && 'value' in tried) application.approve?.(tried.value)
    const isDone =
      dryRun || 'error' in tried ? await isUnchanged() : await putIn(staged, version, ahead, wanted, application)
    if (isDone || (dryRun && attempt === MOST_ATTEMPTS)) {
      if ('error' in tried) throw tried.error
      return tried.value
    }
    if (attempt === MOST_ATTEMPTS) throw conflict([{ attribute: 'files', reason: CHANGING }])
  }
}

const CHANGING =
  'were not applied: other records changed each time; run the command again when nothing else changes them'

const settle = <T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> =>
  work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

/** Whether what was looked at is still as it was. */
const isAsStaged = async (
  { clients }: StagedUnit,
  version: string | undefined,
  { settings, apps }: Pick<Unit, 'settings' | 'apps'>,
): Promise<boolean> => (await settings.get(RECORDS_VERSION)) === version && (await clients.holdsIn(apps))

/** @returns false when a record or the master key has changed since, and then nothing has happened */
async function putIn(
  staged: StagedUnit,
  version: string | undefined,
  { holdsIn }: SealAhead,
  wanted: Wanted,
  { writeStaged, contextNow, texts, recheck, goOn }: Application,
): Promise<boolean> {
  if (staged.isEmpty()) return true
  const isDone = await writeStaged(staged.records(), async (unit, putRecordsIn) => {
    await recheck?.(unit)
    if (!(await isAsStaged(staged, version, unit)) || !(await holdsIn(unit))) return false
    const { now } = contextNow()
    const resources = await unit.resources.list()
    await putRecordsIn(now)
    await staged.makeChanges(unit, now)
    // An app that registered itself may have asked meanwhile for one that goes.
    const lost = await lostScopes(unit, wanted, resources)
    if (lost.length > 0) throw invalidChange(inOrder(lost, texts).map(toFault))
    goOn?.()
    return true
  })
  if (isDone) staged.tellCommitted()
  return isDone
}

async function bringAbout(
  staged: StagedUnit,
  wanted: Wanted,
  faults: readonly ConfigurationFault[],
  { hashOf, warnings }: FirstPasswords,
  { read, contextNow, prune, given, texts }: Application,
): Promise<Outcome> {
  const { unit } = staged
  const context = contextNow()
  await staged.people.preload(wanted.users.flatMap(({ user: { login, email } }) => [login, email ?? login]))
  await staged.clients.preload(wanted.apps.map(({ registration }) => registration.applicationUri))
  const resources = await unit.resources.list()
  const kept = [identityOf('resource', given.defaultResource)]
  const tasks = [
    ...tasksFor(wanted, { read, context, hashOf }),
    ...(prune ? await pruningTasks(wanted, read, kept, context) : []),
    ...linkingTasks(wanted, context),
  ]
  const { result, leftNone } = await watchAdministrators(unit, () => runTasks(tasks, unit))
  const refused = [...result, ...(await lostScopes(unit, wanted, resources))]
  const all = [...faults, ...refused.filter((fault) => !faults.some((known) => isAbout(known, fault)))]
  if (all.length > 0) throw invalidChange(inOrder(all, texts).map(toFault))
  const changes = withIds(await stagedChanges(staged, read, wanted, context.now), wanted)
  return {
    changes,
    warnings: [
      ...warningsAmong(changes, wanted),
      ...(await unreadableSecrets(unit, changes, context.now)),
      ...warnings,
      ...lostToGive(given, resources, await unit.resources.list()),
      ...(leftNone ? [NO_ADMINISTRATOR] : []),
    ],
  }
}

/** As a person reads the files: from top to bottom. */
function inOrder(faults: readonly ConfigurationFault[], texts: readonly SourceText[]): ConfigurationFault[] {
  const position = ({ file }: ConfigurationFault): number => texts.findIndex((text) => text.file === file)
  return [...faults].sort((a, b) => position(a) - position(b) || (a.line ?? 0) - (b.line ?? 0))
}

/** What follows from an attribute that could not be read is no fault of its own. */
const isAbout = (known: ConfigurationFault, { kind, id, attribute }: ConfigurationFault): boolean =>
  known.kind === kind && known.id === id && known.attribute === attribute

/** A new user shows the id that they bring along. */
function withIds(changes: readonly Change[], { users }: Wanted): Change[] {
  const ids = new Map(users.flatMap(({ user: { login, id } }) => (id === undefined ? [] : [[login, id] as const])))
  return changes.map((change) => {
    const id = change.kind === 'user' && change.action === 'create' ? ids.get(change.id) : undefined
    return id === undefined ? change : { ...change, fields: { ...change.fields, id: { from: null, to: id } } }
  })
}
