import type { AuthenticatedApp } from '../../domain/access/authenticated-app.ts'
import {
  type ApiCatalogue,
  type ReadCatalogue,
  readResources,
  requireMatching,
  type Target,
  targetOf,
} from '../../domain/access/resource-indicators.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { isProtocolScope, requireWithin, scopeIn } from '../../domain/protocol/scope.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { runPlainly } from '../../domain/refusals/run-check.ts'
import type { User } from '../../domain/users/user.ts'
import type { SessionEpochs } from '../../store/repositories/sessions/session-epochs.ts'
import type { Users } from '../../store/repositories/users/users.ts'
import type { Grant } from './registry.ts'

interface Dependencies {
  readonly users: Pick<Users, 'find'>
  readonly sessionEpochs: Pick<SessionEpochs, 'find'>
  readonly readCatalogue: ReadCatalogue
}

const [SYSTEM_USER, SCOPE, RESOURCE] = ['System User', 'scope', 'resource'] as const

/** Lets a service act on its own, as its System User. @see RFC 6749 §4.4 */
export function createClientCredentialsGrant({ users, sessionEpochs, readCatalogue }: Dependencies): Grant {
  return {
    type: 'client_credentials',
    actsFor: 'app',
    checks: [{ name: SYSTEM_USER }, { name: SCOPE }, { name: RESOURCE }],
    async authorize({ app, form, binding }, runCheck = runPlainly) {
      const systemUser = await runCheck(SYSTEM_USER, () => requireSystemUser(app, users))
      const sessionEpoch = await sessionEpochs.find(app.applicationUri, systemUser.id)
      const catalogue = await readCatalogue()
      const { asked } = await runCheck(SCOPE, () => ({ asked: readServiceScope(app, form) }))
      const target = await runCheck(RESOURCE, () => readServiceTarget(asked, app, form, catalogue))
      return { kind: 'service', app, systemUser, sessionEpoch, ...target, binding }
    },
  }
}

/** An app that may act on its own, and as whom. @throws Refused `unauthorized_client` */
async function requireSystemUser(app: AuthenticatedApp, users: Dependencies['users']): Promise<User> {
  const refuse = (rule: RefusalRule, description: string, expected: string, cause = description): Refused =>
    new Refused('unauthorized_client', description, { rule, client_id: app.applicationUri, expected, cause })
  if (app.clientType !== 'Confidential')
    throw refuse('confidential-app-needed', 'only a Confidential app may act on its own', 'a Confidential app')
  if (!app.systemUserAllowed) {
    const cause = 'SystemUserAllowed of the record is false'
    throw refuse('system-user-not-allowed', 'the app may not act on its own', 'SystemUserAllowed true', cause)
  }
  const user = app.systemUser === undefined ? undefined : await users.find(app.systemUser)
  if (!user) throw refuse('system-user-missing', 'the app has no System User', 'an existing SystemUser')
  if (!user.isEnabled) {
    const cause = `the System User ${user.login} is disabled`
    throw refuse('system-user-disabled', 'the System User of the app is disabled', 'an enabled SystemUser', cause)
  }
  return user
}

/** Without `scope` all API scopes of the record that the named resources have; without `resource` what they are for. */
function readServiceTarget(
  asked: readonly string[] | undefined,
  app: AuthenticatedApp,
  form: Form,
  catalogue: ApiCatalogue,
): Target {
  const resources = readResources(form, app, catalogue)
  const target = targetOf({ scope: asked ?? app.scope, resources }, [], app, catalogue)
  requireMatching(asked ?? target.scope, resources, app, catalogue)
  return target
}

/** Scopes of the protocol make no sense without a person. */
function readServiceScope(app: AuthenticatedApp, form: Form): readonly string[] | undefined {
  const scope = scopeIn(form)
  if (scope === undefined) return undefined
  const protocol = scope.find(isProtocolScope)
  if (protocol !== undefined) {
    throw new Refused('invalid_scope', `scope is for people who sign in, not for services: ${protocol}`, {
      rule: 'scope-for-people',
      client_id: app.applicationUri,
      scope: protocol,
      cause: `${protocol} is a scope about a person, but nobody signs in with this grant`,
      sent: scope.join(' '),
      expected: app.scope.join(' '),
    })
  }
  requireWithin(scope, app.scope, 'scope is not registered for the app')
  return scope
}
