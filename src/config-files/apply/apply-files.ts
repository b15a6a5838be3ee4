import type { ChangeContext } from '../../admin/change/record-change.ts'
import { invalidChange } from '../../admin/change/refuse-change.ts'
import { NO_ADMINISTRATOR, watchAdministrators } from '../../admin/users/last-administrator.ts'
import { canonicalIdentifier } from '../../domain/users/user.ts'
import type { Passwords } from '../../lib/crypto/passwords.ts'
import type { Repositories, Write } from '../../store/store.ts'
import type { SourceText } from '../read/parse-source.ts'
import { readFiles, type Wanted } from '../read/read-files.ts'
import type { Variables } from '../read/variables.ts'
import { describeInstance, type Unit } from '../schema/describe-instance.ts'
import { type ConfigurationFault, toFault } from '../schema/fault.ts'
import { identityOf, type Suggest } from '../schema/records.ts'
import { type Change, changesBetween } from './changes.ts'
import { type FirstPasswords, prepareFirstPasswords, withPasswords } from './first-passwords.ts'
import { lostScopes } from './lost-scopes.ts'
import { runTasks } from './run-tasks.ts'
import { linkingTasks, pruningTasks, tasksFor } from './tasks.ts'
import { unreadableSecrets, warningsAmong } from './warnings.ts'

/** What is needed to apply files. */
export interface Application {
  readonly read: Pick<Repositories, 'users'>
  readonly writeAlone: Write<keyof Unit>
  readonly texts: readonly SourceText[]
  readonly variables: Variables
  readonly suggest: Suggest
  readonly passwords: Passwords
  readonly context: ChangeContext
  /** Seals a secret under its id. */
  readonly seal: (secret: string, id: string) => string
  /** Removes records that the files do not name, of the kinds they speak of. */
  readonly prune: boolean
  /** Identifier of the API resource that is always there. */
  readonly defaultResource: string
  /** Rolls everything back in the end. */
  readonly dryRun: boolean
}

/** What changed, or would change, and what is unwise about it. */
export interface Outcome {
  readonly changes: readonly Change[]
  readonly warnings: readonly string[]
}

/** Carries an outcome out of a transaction that must not be committed. */
class RolledBack extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('rolled back')
    this.outcome = outcome
  }
}

/**
 * Brings the instance to what the files say, in one transaction. A dry run does the very same and rolls it back, so that a plan
 * cannot differ from what is done.
 * @throws Refused `invalid_change` with everything that is wrong; then nothing has happened
 */
export async function applyFiles(application: Application): Promise<Outcome> {
  const { writeAlone, texts, variables, suggest, context, seal, dryRun } = application
  const { wanted, faults } = readFiles(texts, { variables, suggest, now: context.now, seal })
  const firstPasswords = await prepareFirstPasswords(wanted, application)
  try {
    return await writeAlone(async (unit) => {
      const outcome = await bringAbout(unit, wanted, faults, firstPasswords, application)
      if (dryRun) throw new RolledBack(outcome)
      return outcome
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome
    throw error
  }
}

async function bringAbout(
  unit: Unit,
  wanted: Wanted,
  faults: readonly ConfigurationFault[],
  { hashOf, warnings }: FirstPasswords,
  { context, prune, defaultResource, texts }: Application,
): Promise<Outcome> {
  const describe = async () =>
    withPasswords(await describeInstance(unit, wanted.kinds, context.now), unit.users, wanted)
  const before = await describe()
  const resources = await unit.resources.list()
  const kept = [identityOf('resource', defaultResource)]
  const tasks = [
    ...tasksFor(wanted, { context, hashOf }),
    ...(prune ? pruningTasks(wanted, before, kept, context) : []),
    ...linkingTasks(wanted, context),
  ]
  const { result, leftNone } = await watchAdministrators(unit, () => runTasks(tasks, unit))
  const refused = [...result, ...(await lostScopes(unit, wanted, resources))]
  const all = [...faults, ...refused.filter((fault) => !faults.some((known) => isAbout(known, fault)))]
  if (all.length > 0) throw invalidChange(inOrder(all, texts).map(toFault))
  const changes = changesBetween(before, await describe())
  return {
    changes: changes.map((change) => withId(change, wanted)),
    warnings: [
      ...warningsAmong(changes, wanted),
      ...(await unreadableSecrets(unit, changes, context.now)),
      ...warnings,
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
function withId(change: Change, { users }: Wanted): Change {
  const same = (login: string): boolean => canonicalIdentifier(login) === canonicalIdentifier(change.id)
  const wanted =
    change.kind === 'user' && change.action === 'create' ? users.find(({ user }) => same(user.login)) : undefined
  if (!wanted) return change
  const { id } = wanted.user
  return id === undefined ? change : { ...change, fields: { ...change.fields, id: { from: null, to: id } } }
}
