import { APP_ATTRIBUTES, type AppAttribute, RECORD_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { BESIDE_ATTRIBUTES } from '../../domain/apps/beside-attributes.ts'
import { type Field, type Form, isList } from './fields.ts'

function formOf({ schema, separator, hasMembers }: AppAttribute): Form {
  if (hasMembers) return 'members'
  if (separator !== undefined) return separator === ',' ? 'commas' : 'spaces'
  if (schema.enum !== undefined) return schema.enum
  const types = [schema.type].flat()
  return types.includes('boolean') ? 'flag' : types.includes('integer') ? 'seconds' : 'text'
}

/** What begins with `code` keeps its first letter. */
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.replaceAll('`', '')

/** What a value has to look like, unless its type in the schema says all of it. */
function hintOf({ expects, schema }: AppAttribute, form: Form): string[] {
  if (isList(form)) return [`A list, or one text separated by ${form}.`]
  return typeof form !== 'string' || form === 'flag' || schema.type === 'string' ? [] : [sentence(expects)]
}

/** An attribute of the record as files know it. */
export function appField(attribute: AppAttribute): Field {
  const form = formOf(attribute)
  const unsaid = attribute.staysUnsaid ? ['If omitted: true for a new app, otherwise unchanged.'] : []
  return { form, description: [sentence(attribute.meaning), ...hintOf(attribute, form), ...unsaid].join(' ') }
}

const SECRETS_STAY = 'the secrets are unchanged'

/** What a file that says nothing of them means; no other attribute depends on what is there already. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  IsEnabled: 'enabled for a new app, otherwise unchanged',
  SelfRegistered: 'no for a new app',
  ApplicationSecret: SECRETS_STAY,
  ApplicationSecretHash: SECRETS_STAY,
}

const extra = (name: string, form: Form, meaning: string): [string, Field] => [
  name,
  {
    form,
    description: [meaning, ...(LEFT_OUT[name] ? [`if omitted: ${LEFT_OUT[name]}`] : [])].map(sentence).join(' '),
  },
]

/** What a file may say of an app beside the declarative attributes. */
export const APP_EXTRAS: Readonly<Record<string, Field>> = Object.fromEntries([
  ...RECORD_ATTRIBUTES.filter(({ fixed }) => fixed).map((one) => extra(one.name, formOf(one), one.meaning)),
  ...Object.entries(BESIDE_ATTRIBUTES).map(([name, { noun, meaning }]) =>
    extra(name, noun === 'flag' ? 'flag' : 'other', meaning),
  ),
])

export const APP_FIELD_NAMES = [
  'ApplicationUri',
  ...APP_ATTRIBUTES.map(({ name }) => name),
  ...Object.keys(APP_EXTRAS).filter((name) => name !== 'ApplicationUri'),
]
