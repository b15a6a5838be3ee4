import type { Field } from './fields.ts'

/** What files say of API resources. */
export const RESOURCE_FIELDS = {
  Identifier: { form: 'text', description: 'Identifier of the API: the aud of its access tokens. Can never change.' },
  Name: { form: 'text', description: 'Name that people see; if omitted, the Identifier.' },
  LocalizedNames: { form: 'other', description: 'The Name in other languages, by language tag.' },
  Scopes: {
    form: 'other',
    description: 'The scopes of the API: names, or entries of Name, Description and both in other languages.',
  },
  ResourceServers: {
    form: 'spaces',
    description: 'ApplicationUris of the Confidential apps with which the API introspects the tokens it receives.',
  },
  OpenToSelfRegistered: {
    form: 'flag',
    description:
      'Whether apps that register themselves may have its scopes, as far as TESSERA_REGISTRATION_SCOPES lists them; false if omitted.',
  },
  SiteType: { form: 'text', description: 'What kind of site auto-discovery calls it; if omitted, API.' },
  SiteUrl: { form: 'text', description: 'Where the API is, as auto-discovery tells everybody.' },
  SiteProperties: {
    form: 'other',
    description: 'What else auto-discovery tells of it, by name, such as ODataServiceRoot.',
  },
} as const satisfies Record<string, Field>

/** What files say of a scope. */
export const SCOPE_FIELDS = {
  Name: { form: 'text', description: 'The scope, as apps ask for it.' },
  Description: { form: 'text', description: 'What it lets an app do, for the consent page.' },
  LocalizedNames: {
    form: 'other',
    description: 'What the consent page calls it in some languages, by language tag.',
  },
  LocalizedDescriptions: { form: 'other', description: 'The Description in some languages, by language tag.' },
} as const satisfies Record<string, Field>
