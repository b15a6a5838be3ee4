import type { AppRegistration } from './trusted-application.ts'

/** Whether an app becomes another kind of client or acts as somebody else, so that what was issued to it so far ends. */
export const isAnotherKind = (before: AppRegistration, after: AppRegistration): boolean =>
  before.clientType !== after.clientType ||
  before.systemUser !== after.systemUser ||
  (before.systemUserAllowed && !after.systemUserAllowed)

/** What decides how much a token is good for that is out already. */
const DECISIVE = [
  'clientType',
  'systemUser',
  'systemUserAllowed',
  'impersonateAsInternalUserAllowed',
  'impersonateAsCommunityUserAllowed',
  'scope',
  'apiResources',
  'administrationAllowed',
  'accessTokens',
  'subjectType',
] as const satisfies readonly (keyof AppRegistration)[]

/** Whether tokens that were issued before may be good for something else now; wider again is worth asking, too. */
export const concernsTokens = (before: AppRegistration, after: AppRegistration): boolean =>
  DECISIVE.some((key) => String(before[key]) !== String(after[key]))
