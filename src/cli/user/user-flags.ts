import { type Command, Option } from 'commander'
import { type DetailName, isText, USER_DETAILS } from '../../domain/users/user-details.ts'
import type { UserInput } from '../../domain/users/user-record.ts'

/** How each detail is written on the command line. */
const FLAGS: Readonly<Record<DetailName, string>> = {
  name: '--name <name>',
  email: '--email <address>',
  emailVerified: '--email-verified',
  givenName: '--given-name <name>',
  familyName: '--family-name <name>',
  middleName: '--middle-name <name>',
  nickname: '--nickname <name>',
  profilePage: '--profile-page <url>',
  picture: '--picture <url>',
  website: '--website <url>',
  gender: '--gender <text>',
  birthdate: '--birthdate <date>',
  zoneinfo: '--zoneinfo <zone>',
  locale: '--locale <tag>',
  phoneNumber: '--phone <number>',
  phoneNumberVerified: '--phone-verified',
  formattedAddress: '--formatted-address <lines>',
  streetAddress: '--street-address <lines>',
  locality: '--locality <city>',
  region: '--region <region>',
  postalCode: '--postal-code <code>',
  country: '--country <country>',
  isAdmin: '--admin',
}

/** What was given for each flag, under the name the flag has in a program. */
export type DetailFlags = Readonly<Record<string, unknown>>

const optionOf = (name: DetailName, description?: string): Option => new Option(FLAGS[name], description)

/** The flag of a detail as people write it; anything else stays as it is. */
export const flagOf = (attribute: string): string =>
  Object.hasOwn(FLAGS, attribute) ? (optionOf(attribute as DetailName).long ?? attribute) : attribute

/** Adds a flag for every detail. @param negatable adds the opposite of those that are true or false */
export function withDetailFlags(command: Command, { negatable }: { readonly negatable: boolean }): Command {
  for (const detail of USER_DETAILS) {
    command.addOption(optionOf(detail.name, detail.description))
    if (negatable && !isText(detail))
      command.option(FLAGS[detail.name].replace('--', '--no-'), `the opposite of ${FLAGS[detail.name]}`)
  }
  return command
}

/** The details that flags were given for; an empty text is nothing. */
export function readDetailFlags(flags: DetailFlags): UserInput {
  const given = USER_DETAILS.map(({ name }) => [name, flags[optionOf(name).attributeName()]] as const)
  return Object.fromEntries(
    given.filter(([, value]) => value !== undefined).map(([name, value]) => [name, value === '' ? null : value]),
  )
}
