import { Type } from 'typebox'
import { pageOf } from '../requests/paging.ts'

/** What a person has allowed an app, as the APIs show it. */
const ConsentRecord = Type.Object({
  app: Type.String({ description: 'the ApplicationUri' }),
  name: Type.String({ description: 'the name of the app' }),
  user: Type.String({ description: 'the login of the person' }),
  scope: Type.String({ description: 'what was allowed, with spaces between' }),
  granted_at: Type.String({ format: 'date-time', description: 'when something was allowed last' }),
})

export const ConsentPage = pageOf(ConsentRecord)
