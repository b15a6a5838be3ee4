import { type Command, Option } from 'commander'
import { ChangeRefused } from '../administration/fault.ts'
import { addUser } from '../administration/users.ts'
import { type NewUser, USER_TYPES } from '../domain/user.ts'
import { showUserRecord } from '../domain/user-record.ts'
import { createPasswords } from '../lib/passwords.ts'
import { shellWord } from '../lib/shell.ts'
import { commandLine } from './actor.ts'
import { helpText } from './help.ts'
import { note, print } from './output.ts'
import { choosePassword, withPasswordFlags } from './password-input.ts'
import { impossible, wrongUsage } from './problem.ts'
import { type AddFlags, userFaults } from './user-faults.ts'
import { userText } from './user-record.ts'
import { withCore } from './with-core.ts'

const HELP = helpText(
  [
    'tessera user add david --email david@example.com --name "David Miller" --generate-password',
    'printf %s "$PASSWORD" | tessera user add david --type InternalUser --email david@example.com --password-stdin --json',
    'tessera user add svc.sync --type SystemUserNoLogin',
  ],
  `Without a password flag a terminal is asked for one; a script gets an account without a password, which cannot sign in yet.
A SystemUserNoLogin is the account a service acts as: it has no password and never signs in.`,
)

/** `tessera user add`: a person or a System User. */
export function addCommand(user: Command): void {
  withPasswordFlags(
    user
      .command('add <login>')
      .description('make an account for a person or a service')
      .addOption(new Option('--type <type>', 'what kind of account').choices(USER_TYPES).default('InternalUser'))
      .option('--email <address>', 'may be used to sign in, like the login')
      .option('--email-verified', 'the address is known to be theirs')
      .option('--name <name>', 'full name (default: given and family name, or the login)')
      .option('--given-name <name>', 'given name')
      .option('--family-name <name>', 'family name')
      .option('--phone <number>', 'phone number')
      .option('--picture <url>', 'portrait, an https URL')
      .option('--locale <tag>', 'preferred language, such as de or en-GB')
      .option('--admin', 'an administrator of the instance'),
  )
    .addHelpText('after', HELP)
    .action(add)
}

async function add(login: string, flags: AddFlags, command: Command): Promise<void> {
  const wanted = newUser(login, flags)
  requireSound(userFaults(wanted, flags, undefined))
  const chosen = flags.type === 'SystemUserNoLogin' ? undefined : await choosePassword(flags, login)
  requireSound(userFaults(wanted, flags, chosen?.password))
  await withCore(command, async ({ store, clock }) => {
    const passwordHash = chosen && (await createPasswords().hash(chosen.password))
    const user = await store
      .writeAlone((unit) => addUser(unit, wanted, passwordHash, commandLine(clock())))
      .catch(reasonsAlone)
    const record = { ...showUserRecord(user), ...(chosen?.generated ? { password: chosen.password } : {}) }
    print(command, record, `Added ${user.login}.\n\n${userText(record)}\n`)
    if (chosen?.generated) note('The password is shown this once.')
    if (user.type !== 'SystemUserNoLogin' && !chosen) {
      note(
        `${user.login} has no password and cannot sign in yet; set one with: tessera user set-password ${shellWord(user.login)} --password-stdin`,
      )
    }
  })
}

/** A name that is taken is told without the attribute: login and e-mail share one namespace. */
function reasonsAlone(error: unknown): never {
  if (!(error instanceof ChangeRefused) || error.kind !== 'conflict') throw error
  throw impossible(...error.faults.map(({ reason }) => reason))
}

function requireSound(faults: readonly string[]): void {
  if (faults.length > 0) throw wrongUsage(...faults)
}

function newUser(login: string, flags: AddFlags): NewUser {
  const fullName = flags.name ?? [flags.givenName, flags.familyName].filter((part) => part !== undefined).join(' ')
  return {
    login,
    type: flags.type,
    ...(fullName === '' ? {} : { name: fullName }),
    email: flags.email,
    emailVerified: flags.emailVerified ?? false,
    locale: flags.locale === undefined ? undefined : canonicalLocale(flags.locale),
    isAdmin: flags.admin ?? false,
    profile: {
      ...(flags.givenName === undefined ? {} : { givenName: flags.givenName }),
      ...(flags.familyName === undefined ? {} : { familyName: flags.familyName }),
      ...(flags.phone === undefined ? {} : { phoneNumber: flags.phone }),
      ...(flags.picture === undefined ? {} : { picture: flags.picture }),
    },
  }
}

/** A tag that is none stays as it is, for the rules to name. */
function canonicalLocale(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? tag
  } catch {
    return tag
  }
}
