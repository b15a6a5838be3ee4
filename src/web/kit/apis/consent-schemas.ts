import { Type } from 'typebox'
import { pageOf } from '../requests/paging.ts'

/** What a person has allowed an app, as the APIs show it. */
const ConsentRecord = Type.Object({
  app: Type.String({ description: 'the ApplicationUri' }),
  name: Type.String({ description: 'the name of the app; to the person it is told in the language of the answer' }),
  user: Type.String({ description: 'the login of the person' }),
  scope: Type.String({ description: 'the allowed scopes, separated by spaces' }),
  granted_at: Type.String({ format: 'date-time', description: 'when consent was last given' }),
})

export const ConsentPage = pageOf(ConsentRecord)
