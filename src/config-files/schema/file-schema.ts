import { type TSchema, Type } from 'typebox'
import { APP_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { INSTANCE_SETTINGS } from '../../domain/instance/instance-settings.ts'
import { APP_EXTRAS, appField } from './app-fields.ts'
import type { Field, Form } from './fields.ts'
import { RESOURCE_FIELDS, SCOPE_FIELDS } from './resource-fields.ts'
import { USER_FIELDS } from './user-fields.ts'

const VARIABLE = '^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$'
const HASH = '^[A-Za-z0-9+/]{43}=$'
const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

/** The JSON Schema of configuration files, for editors; what it lets through is checked by the rules of the records. */
export const fileSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Tessera configuration',
  ...record(
    {
      apps: Type.Array(appSchema(), { description: 'Trusted Applications: the OAuth clients.' }),
      users: Type.Array(userSchema(), { description: 'People and System Users.' }),
      resources: Type.Array(resourceSchema(), { description: 'API resources: audiences of access tokens.' }),
      settings: record(
        mapped(INSTANCE_SETTINGS, ({ help, expects, default: fallback }) =>
          Type.Union([Type.String(), Type.Integer()], {
            description: `${capital(help)}: ${expects}.`,
            default: fallback,
          }),
        ),
        [],
        'Settings of the instance; settings left out are unchanged.',
      ),
      $schema: Type.String({ description: 'Where editors find this schema.' }),
    },
    [],
    'A file for tessera plan and tessera apply. Several files are merged; kinds of records that no file mentions are left alone.',
  ),
})

const appSchema = () =>
  record(
    {
      ApplicationUri: nameSchema(APP_EXTRAS['ApplicationUri']),
      ...Object.fromEntries(APP_ATTRIBUTES.map((attribute) => [attribute.name, valueSchema(appField(attribute))])),
      IsEnabled: valueSchema(APP_EXTRAS['IsEnabled']),
      SelfRegistered: valueSchema(APP_EXTRAS['SelfRegistered']),
      ApplicationSecret: secretsSchema('Secret', VARIABLE, APP_EXTRAS['ApplicationSecret']),
      ApplicationSecretHash: secretsSchema('Hash', `${HASH}|${VARIABLE}`, APP_EXTRAS['ApplicationSecretHash']),
    },
    ['ApplicationUri', 'ClientType'],
    'A Trusted Application; attributes left out have their defaults.',
  )

const userSchema = () =>
  record(
    {
      ...mapped(USER_FIELDS, valueSchema),
      login: nameSchema(USER_FIELDS.login),
      password: Type.String({ pattern: VARIABLE, description: USER_FIELDS.password.description }),
      id: Type.String({ pattern: UUID, description: USER_FIELDS.id.description }),
    },
    ['login'],
    'A user; attributes left out have their defaults.',
  )

const resourceSchema = () =>
  record(
    {
      ...mapped(RESOURCE_FIELDS, valueSchema),
      Identifier: nameSchema(RESOURCE_FIELDS.Identifier),
      LocalizedNames: byName(RESOURCE_FIELDS.LocalizedNames),
      Scopes: Type.Array(Type.Union([Type.String(), scopeSchema()]), {
        description: RESOURCE_FIELDS.Scopes.description,
      }),
      SiteProperties: byName(RESOURCE_FIELDS.SiteProperties),
    },
    ['Identifier', 'Scopes'],
    'An API resource; attributes left out have their defaults.',
  )

const scopeSchema = () =>
  record(
    {
      ...mapped(SCOPE_FIELDS, valueSchema),
      LocalizedNames: byName(SCOPE_FIELDS.LocalizedNames),
      LocalizedDescriptions: byName(SCOPE_FIELDS.LocalizedDescriptions),
    },
    ['Name'],
  )

const byName = ({ description }: Field): TSchema => Type.Record(Type.String(), Type.String(), { description })

function secretsSchema(inside: string, pattern: string, field: Field | undefined): TSchema {
  const value = Type.String({ pattern })
  const entry = record(
    {
      [inside]: Type.String({ pattern, description: 'The secret, never in clear.' }),
      Label: Type.String({ description: 'A label for administrators.' }),
      ExpiresAt: Type.String({ format: 'date-time', description: 'When it ends; if omitted, never.' }),
    },
    [inside],
  )
  const one = [value, entry]
  return Type.Union([...one, Type.Array(Type.Union(one))], { description: field?.description ?? '' })
}

const nameSchema = (field: Field | undefined): TSchema =>
  Type.String({ minLength: 1, description: field?.description ?? '' })

const TYPES: Readonly<Record<Extract<Form, string>, () => TSchema[]>> = {
  text: () => [Type.String(), Type.Null()],
  flag: () => [Type.Boolean()],
  seconds: () => [Type.Integer({ minimum: 0 }), Type.String({ pattern: '^\\d{1,9}$|^\\d{1,6}[smhd]$' }), Type.Null()],
  commas: () => [Type.String(), Type.Array(Type.String()), Type.Null()],
  spaces: () => [Type.String(), Type.Array(Type.String()), Type.Null()],
  members: () => [Type.String(), Type.Record(Type.String(), Type.String()), Type.Null()],
  other: () => [Type.Unknown()],
}

function valueSchema(field: Field | undefined): TSchema {
  const { form = 'other', description = '' } = field ?? {}
  if (typeof form !== 'string') return Type.Unsafe({ enum: [...form], description })
  const types = TYPES[form]()
  const [only] = types
  return types.length === 1 && only ? { ...only, description } : Type.Union(types, { description })
}

const record = (properties: Record<string, TSchema>, required: readonly string[], description?: string) => ({
  type: 'object' as const,
  ...(description === undefined ? {} : { description }),
  properties,
  required: [...required],
  additionalProperties: false,
})

const mapped = <T>(fields: Readonly<Record<string, T>>, schema: (field: T) => TSchema): Record<string, TSchema> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, schema(field)]))

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
