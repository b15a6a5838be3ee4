import {
  type ApiCatalogue,
  readResources,
  requireMatching,
  targetOf,
} from '../../../domain/access/resource-indicators.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'

/**
 * Each resource must be open to the app, and each API scope must belong to one of them.
 * @returns the APIs the grant is for; empty is the instance's own alone
 * @see RFC 8707 §2.1
 */
export function readRequestedResources(
  form: Form,
  scope: readonly string[],
  app: TrustedApplication,
  catalogue: ApiCatalogue,
): string[] {
  const resources = readResources(form, app, catalogue)
  requireMatching(scope, resources, app, catalogue)
  const { audience } = targetOf({ scope, resources }, [], app, catalogue)
  // Decided here for as long as the grant lives: another API that has the scope later gains nothing.
  return audience.every((identifier) => identifier === catalogue.defaultResource) ? [] : [...audience]
}
