import type { Form } from '../../domain/form.ts'
import { type ApiCatalogue, readResources, requireMatching } from '../../domain/resource-indicators.ts'
import type { TrustedApplication } from '../../domain/trusted-application.ts'

/** Each resource must be open to the app, and each API scope must belong to one of them. @see RFC 8707 §2.1 */
export function readRequestedResources(
  form: Form,
  scope: readonly string[],
  app: TrustedApplication,
  catalogue: ApiCatalogue,
): string[] {
  const resources = readResources(form, app, catalogue)
  requireMatching(scope, resources, app, catalogue)
  return resources
}
