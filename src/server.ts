import { join } from 'node:path'
import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import { createManageApps } from './administration/manage-apps.ts'
import { createManageUsers } from './administration/manage-users.ts'
import { createReadJournals } from './administration/read-journals.ts'
import { createAuthorizeFlow } from './authorize/flow.ts'
import { createIssueCode } from './authorize/issue-code.ts'
import { createTickets } from './authorize/tickets.ts'
import { createAuthenticateApp } from './client-auth/authenticate.ts'
import { createSecretUse } from './client-auth/secret-use.ts'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { scopesOf } from './domain/api-resource.ts'
import { serverMetadata } from './domain/server-metadata.ts'
import type { User } from './domain/user.ts'
import { authorizeEndpoint } from './endpoints/authorize.ts'
import { discoveryEndpoint, oauthMetadataEndpoint } from './endpoints/discovery.ts'
import { endSessionEndpoint } from './endpoints/end-session.ts'
import { healthEndpoint } from './endpoints/health.ts'
import { introspectEndpoint } from './endpoints/introspect.ts'
import { jwksEndpoint } from './endpoints/jwks.ts'
import { manageApi } from './endpoints/manage/api.ts'
import { metricsEndpoint } from './endpoints/metrics.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import { tokenEndpoint } from './endpoints/token.ts'
import { userinfoEndpoint } from './endpoints/userinfo.ts'
import { createAuthorizationCodeGrant } from './grants/authorization-code.ts'
import { createClientCredentialsGrant } from './grants/client-credentials.ts'
import { createRefreshTokenGrant } from './grants/refresh-token.ts'
import { createGrantRegistry } from './grants/registry.ts'
import { createCookies } from './http/cookies.ts'
import { registerCors } from './http/cors.ts'
import { registerErrorHandler } from './http/error-handler.ts'
import { registerFormBody } from './http/form-body.ts'
import { fastifyOptions, type LogStream } from './http/limits.ts'
import { LOCALES } from './http/messages.ts'
import { createMetrics } from './http/metrics.ts'
import { registerOverload } from './http/overload.ts'
import { registerPages } from './http/pages.ts'
import { createRefuse } from './http/refusals.ts'
import { registerResponseHeaders } from './http/response-headers.ts'
import { registerServiceGuard } from './http/service-guard.ts'
import { createAuditJournal } from './journal/audit.ts'
import { createRefusalJournal } from './journal/refusals.ts'
import { packageRoot } from './lib/package-root.ts'
import { createPasswords } from './lib/passwords.ts'
import { deriveKey } from './lib/sealed-box.ts'
import type { Random } from './lib/secrets.ts'
import { cleanUpLags } from './maintenance/clean-up.ts'
import { createLogout } from './sessions/logout.ts'
import { createSignInSessions } from './sessions/sign-in-sessions.ts'
import { createCheckPassword } from './sign-in/password.ts'
import { consentSite } from './sites/consent.ts'
import { errorSite } from './sites/error.ts'
import { loginSite } from './sites/login.ts'
import { logoutSite } from './sites/logout.ts'
import { createReadCatalogue } from './tokens/catalogue.ts'
import { createFindToken, createLookUpToken } from './tokens/find-token.ts'
import { idTokenClaims } from './tokens/id-token.ts'
import { createReadIdTokenHint } from './tokens/id-token-hint.ts'
import { createIssueTokens } from './tokens/issue.ts'
import { createRevokeToken } from './tokens/revoke-token.ts'
import { subjectOf as subjectWith } from './tokens/settings.ts'
import { USER_CLAIMS, userInfoClaims } from './tokens/user-claims.ts'

/**
 * Puts the server together: the only place where its parts are constructed.
 * @param random where ids, codes and tokens come from
 * @param log takes the log, one JSON line a record; stdout unless given
 */
export async function buildServer(
  config: Config,
  core: Core,
  random: Random,
  log?: LogStream,
): Promise<FastifyInstance> {
  const { store, keys, clock, masterKey } = core
  const { issuer, tokens: settings } = config
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const templates = join(packageRoot(), 'templates')

  const app: FastifyInstance = Fastify(fastifyOptions(config.http, log))
  const auditJournal = createAuditJournal({ store, clock, log: app.log })
  const refusalJournal = createRefusalJournal({ store, log: app.log })
  const secretUse = createSecretUse({
    store,
    clock,
    onLost: (count, err) => app.log.warn({ count, err }, 'the last use of secrets could not be noted'),
  })
  const journals = [auditJournal, refusalJournal, secretUse]
  const flush = () => Promise.all(journals.map((journal) => journal.flush()))
  app.addHook('onClose', () => flush().then(() => undefined))
  const { audit } = auditJournal
  const refuse = createRefuse(refusalJournal, random, clock)
  const subjectOf = (user: User): string => subjectWith(user, settings)

  const readCatalogue = createReadCatalogue(store.read.resources, settings.audience)

  const cookies = createCookies(issuer, random)
  const sessions = createSignInSessions({ store, clock, random, limits: config.sessions })
  const passwords = createPasswords()
  const checkPassword = createCheckPassword({ users: store.read.users, passwords })
  const readIdTokenHint = createReadIdTokenHint(keys, issuer, clock)
  const logoutKey = deriveKey(masterKey, 'logout-tickets')
  const logout = createLogout({
    apps: store.read.apps,
    readHint: readIdTokenHint,
    key: logoutKey,
    clock,
    random,
    issuer,
  })

  const authenticateApp = createAuthenticateApp({ apps: store.read.apps, clock, secretUse, audit })
  const findToken = createFindToken({ store, keys, issuer, clock })
  const lookUpToken = createLookUpToken({ store, keys, issuer, clock })
  const revokeToken = createRevokeToken({ store, findToken, clock, audits: auditJournal })
  const issueTokens = createIssueTokens({ store, keys, settings, clock, random, audit, audits: auditJournal })
  const grants = createGrantRegistry([
    createAuthorizationCodeGrant({ store, clock, audit, readCatalogue }),
    createRefreshTokenGrant({ store, clock, audit, readCatalogue }),
    createClientCredentialsGrant({ users: store.read.users, readCatalogue }),
  ])

  const flow = createAuthorizeFlow({
    store,
    clock,
    issuer,
    tickets: createTickets({ key: deriveKey(masterKey, 'authorize-tickets'), clock, random, issuer }),
    issueCode: createIssueCode({
      store,
      clock,
      random,
      signIdToken: (subject) => keys.sign(idTokenClaims(subject, settings, keys.algorithm, clock()), 'JWT'),
    }),
    readIdTokenHint,
    readCatalogue,
    findSession: sessions.find,
    subjectOf,
  })

  const facts = {
    grantTypes: grants.types,
    signingAlgorithm: keys.algorithm,
    userClaims: USER_CLAIMS,
    locales: LOCALES,
  }
  const metadata = async () =>
    serverMetadata({ issuer, ...facts, apiScopes: scopesOf((await readCatalogue()).resources) })
  const rootPath = `/.well-known/oauth-authorization-server${base}`

  registerResponseHeaders(app, issuer)
  await registerCors(app, {
    apps: store.read.apps,
    publicPaths: [
      rootPath,
      `${base}/.well-known/openid-configuration`,
      `${base}/.well-known/openid-configuration/jwks`,
    ],
    appPaths: [`${base}/connect/token`, `${base}/connect/userinfo`, `${base}/connect/revocation`],
  })
  await registerFormBody(app)
  registerOverload(app)
  await app.register(fastifyCookie)
  const renderPage = await registerPages(app, { templates, base, instanceName: config.instanceName })
  registerErrorHandler(app, { refuse, renderPage })
  const metrics = createMetrics(app, {
    databaseSize: store.size,
    cleanUpLags: () => cleanUpLags({ store, clock, longestSession: config.sessions.absolute }),
  })

  registerServiceGuard(app, {
    departure: () => store.read.moveState.get('departure'),
    elapsed: () => performance.now(),
  })

  await app.register(healthEndpoint, { ping: store.ping })
  await app.register(metricsEndpoint, { metrics, token: config.metrics.token })
  await app.register(oauthMetadataEndpoint, { metadata, rootPath })
  await app.register(
    async (id) => {
      await id.register(discoveryEndpoint, { metadata })
      await id.register(jwksEndpoint, { keys })
      await id.register(authorizeEndpoint, { flow, cookies, refuse, issuer })
      await id.register(tokenEndpoint, { authenticateApp, grants, issueTokens })
      await id.register(userinfoEndpoint, { lookUpToken, subjectOf, userInfoClaims })
      await id.register(introspectEndpoint, { authenticateApp, findToken, issuer, subjectOf })
      await id.register(revokeEndpoint, { authenticateApp, revokeToken })
      await id.register(endSessionEndpoint, { logout, issuer })
      await id.register(loginSite, { flow, cookies, renderPage, checkPassword, sessions, audit, refuse, issuer })
      await id.register(consentSite, { flow, cookies, renderPage, refuse, readCatalogue, store, clock, audit, issuer })
      await id.register(logoutSite, { logout, sessions, cookies, renderPage, subjectOf, audit, issuer })
      await id.register(errorSite, { renderPage })
    },
    { prefix: base },
  )
  await app.register(manageApi, {
    prefix: '/manage/api/v1',
    findToken,
    standard: settings.audience,
    refuse,
    apps: createManageApps({ store, clock, random, tell: auditJournal.tell }),
    users: createManageUsers({ store, clock, hashPassword: passwords.hash, tell: auditJournal.tell }),
    journals: createReadJournals({ store, flush }),
  })
  return app
}
