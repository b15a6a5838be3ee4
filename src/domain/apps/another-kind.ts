import type { AppRegistration } from './trusted-application.ts'

/** Whether an app becomes another kind of client or acts as somebody else, so that what was issued to it so far ends. */
export const isAnotherKind = (before: AppRegistration, after: AppRegistration): boolean =>
  before.clientType !== after.clientType ||
  before.systemUser !== after.systemUser ||
  (before.systemUserAllowed && !after.systemUserAllowed)
