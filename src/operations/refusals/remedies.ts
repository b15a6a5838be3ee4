import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { API_REMEDIES } from './remedies/api-remedies.ts'
import { APP_JWT_REMEDIES } from './remedies/app-jwt-remedies.ts'
import { APP_REMEDIES } from './remedies/app-remedies.ts'
import { PERSON_REMEDIES } from './remedies/person-remedies.ts'
import { REGISTRATION_REMEDIES } from './remedies/registration-remedies.ts'
import type { Facts, Remedy } from './remedies/remedy.ts'
import { REQUEST_REMEDIES } from './remedies/request-remedies.ts'
import { SCOPE_REMEDIES } from './remedies/scope-remedies.ts'
import { SESSION_REMEDIES } from './remedies/session-remedies.ts'
import { TOKEN_REMEDIES } from './remedies/token-remedies.ts'

/** Every rule has a remedy: the compiler sees to it. */
export const REMEDIES: Readonly<Record<RefusalRule, (facts: Facts) => Remedy>> = {
  ...APP_REMEDIES,
  ...APP_JWT_REMEDIES,
  ...REQUEST_REMEDIES,
  ...REGISTRATION_REMEDIES,
  ...SCOPE_REMEDIES,
  ...PERSON_REMEDIES,
  ...TOKEN_REMEDIES,
  ...SESSION_REMEDIES,
  ...API_REMEDIES,
}
