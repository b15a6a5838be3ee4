import type { Argument, Command, Option } from 'commander'
import { SETTINGS } from '../../config/settings.ts'
import { APP_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { INSTANCE_SETTING_NAMES } from '../../domain/instance/instance-settings.ts'

/** What may stand in one place of a line: some words, the name of a file, or what nobody can foresee. */
export interface Place {
  readonly words: readonly string[]
  readonly isFile: boolean
}

/** A flag, and what may follow it; nothing where it takes no value. */
export interface Flag {
  /** With its hyphens, each spelling. */
  readonly names: readonly string[]
  readonly description: string
  readonly value: Place | undefined
}

/** What may follow the names of a command. */
export interface Completed {
  /** Such as `app list`; nothing for the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly Flag[]
  readonly argument: Place
}

/** Everything that can be completed, from the commands themselves. */
export const completedIn = (program: Command): Completed[] => below(program, '', [])

function below(command: Command, path: string, shared: readonly Option[]): Completed[] {
  const options = [...command.options, ...shared].filter(({ hidden }) => !hidden)
  const commands = command.commands.map((child) => ({ name: child.name(), description: child.description() }))
  const help: Flag = { names: ['--help'], description: 'print the help', value: undefined }
  const own: Completed = { path, commands, flags: [...options.map(flagOf), help], argument: argumentOf(command, path) }
  const passedOn = options.filter(({ long }) => long !== '--version')
  return [own, ...command.commands.flatMap((child) => below(child, `${path} ${child.name()}`.trim(), passedOn))]
}

const flagOf = (option: Option): Flag => ({
  names: [option.long, option.short].filter((name) => name !== undefined),
  description: option.description,
  value:
    option.required || option.optional ? { words: wordsOf(option), isFile: /file|dir/.test(option.flags) } : undefined,
})

const wordsOf = ({ long, argChoices }: Option): readonly string[] =>
  argChoices ?? (long === '--set' ? APP_ATTRIBUTES.map(({ name }) => `${name}=`) : [])

const settingNames = INSTANCE_SETTING_NAMES as readonly string[]

/** Words of arguments that say themselves what is wrong with others. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  settings: [...settingNames, ...Object.keys(SETTINGS)],
  'settings list': [...settingNames, ...Object.keys(SETTINGS)],
  'settings set': settingNames,
  'settings unset': settingNames,
}

function argumentOf({ registeredArguments, parent }: Command, path: string): Place {
  const [first] = registeredArguments as readonly Argument[]
  const commands = path === 'help' ? (parent?.commands.map((one) => one.name()) ?? []) : []
  return { words: ARGUMENTS[path] ?? first?.argChoices ?? commands, isFile: /file/.test(first?.name() ?? '') }
}
