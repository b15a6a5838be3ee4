import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { wrongUsage } from '../kit/problem.ts'

interface Shape {
  readonly flag: 'web' | 'spa' | 'service' | 'hybrid'
  readonly help: string
  readonly people: boolean
  readonly actsAlone: boolean
  readonly clientType: AppRegistration['clientType']
}

/** The four usual registrations, one flag each. */
export const SHAPES: readonly Shape[] = [
  {
    flag: 'web',
    help: 'server-side web app: Confidential, people sign in',
    people: true,
    actsAlone: false,
    clientType: 'Confidential',
  },
  {
    flag: 'spa',
    help: 'single-page or native app: Public, people sign in, PKCE, no secret',
    people: true,
    actsAlone: false,
    clientType: 'Public',
  },
  {
    flag: 'service',
    help: 'background service: Confidential, acts as its System User',
    people: false,
    actsAlone: true,
    clientType: 'Confidential',
  },
  {
    flag: 'hybrid',
    help: 'both in one app: Confidential, people sign in, and it also acts as its System User',
    people: true,
    actsAlone: true,
    clientType: 'Confidential',
  },
]

/** Flags whose use depends on the shape. */
export interface ShapeFlags {
  readonly web?: boolean
  readonly spa?: boolean
  readonly service?: boolean
  readonly hybrid?: boolean
  readonly redirectUri?: readonly string[]
  readonly logoutUri?: readonly string[]
  readonly systemUser?: string
  readonly community?: boolean
}

/** @throws Problem unless exactly one shape is asked for */
export function requireShape(flags: ShapeFlags): Shape {
  const asked = SHAPES.filter(({ flag }) => flags[flag])
  const [shape] = asked
  if (shape && asked.length === 1) return shape
  const given = asked.length === 0 ? '' : `, not ${asked.map(({ flag }) => `--${flag}`).join(' and ')}`
  throw wrongUsage(
    `give exactly one of --web, --spa, --service and --hybrid${given}:`,
    ...SHAPES.map(({ flag, help }) => `  ${`--${flag}`.padEnd(10)} ${help}`),
  )
}

/** What the shape says about the record. */
export const registrationOf = ({ people, actsAlone, clientType }: Shape) => ({
  clientType,
  impersonateAsInternalUserAllowed: people,
  systemUserAllowed: actsAlone,
})

/** What is to be written in place of the flag of a shape where an app is there already. */
const inAttributes = (shape: Shape): string => {
  const { clientType, impersonateAsInternalUserAllowed: people, systemUserAllowed: alone } = registrationOf(shape)
  return `--set ClientType=${clientType} --set ImpersonateAsInternalUserAllowed=${people} --set SystemUserAllowed=${alone}`
}

/** Explains in `--help` how an app gets another shape. */
export const RESHAPE_HELP = `An app gets another shape by the attributes that the flag of "app register" stands for:
${SHAPES.map((shape) => `  ${`--${shape.flag}`.padEnd(10)} ${inAttributes(shape)}`).join('\n')}`

/** @throws Problem that says what to write in place of a shape */
export function requireNoShape(applicationUri: string, flags: ShapeFlags): void {
  const shape = SHAPES.find(({ flag }) => flags[flag])
  if (shape === undefined) return
  throw wrongUsage(
    `--${shape.flag}: is for registering an app; one that is there gets that shape by its attributes`,
    `tessera app update ${shellWord(applicationUri)} ${inAttributes(shape)}`,
    'all flags: tessera app update --help; all attributes: tessera app attributes',
  )
}

/** Flags that would have no effect on an app of this shape; a mistake, rather than to be ignored. */
export function misplacedFlags({ flag, people, actsAlone }: Shape, flags: ShapeFlags): Fault[] {
  const forPeople = `is for apps where people sign in (--web, --spa, --hybrid), not for --${flag}`
  const rules: readonly (readonly [boolean, string, string])[] = [
    [!people && flags.redirectUri !== undefined, '--redirect-uri', forPeople],
    [!people && flags.logoutUri !== undefined, '--logout-uri', forPeople],
    [!people && flags.community === true, '--community', forPeople],
    [!actsAlone && flags.systemUser !== undefined, '--system-user', `is for --service and --hybrid, not for --${flag}`],
  ]
  return rules.filter(([misplaced]) => misplaced).map(([, attribute, reason]) => ({ attribute, reason }))
}
