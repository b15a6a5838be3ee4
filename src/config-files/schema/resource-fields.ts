import type { Field } from './fields.ts'

/** What files say of API resources. */
export const RESOURCE_FIELDS = {
  Identifier: { form: 'text', description: 'Names the API: the aud of its access tokens. It can never change.' },
  Name: { form: 'text', description: 'What people read; left out, the Identifier.' },
  Scopes: { form: 'other', description: 'The scopes of the API: names, or entries of Name and Description.' },
  ResourceServers: {
    form: 'spaces',
    description: 'ApplicationUris of the Confidential apps through which the API asks about the tokens it is sent.',
  },
} as const satisfies Record<string, Field>

/** What files say of a scope. */
export const SCOPE_FIELDS = {
  Name: { form: 'text', description: 'The scope as apps ask for it.' },
  Description: { form: 'text', description: 'What it lets an app do, for the consent page.' },
} as const satisfies Record<string, Field>
