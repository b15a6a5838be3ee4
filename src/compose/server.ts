import { join } from 'node:path'
import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Config } from '../config/read-config.ts'
import type { Audit } from '../domain/instance/audit.ts'
import { createPasswords } from '../lib/crypto/passwords.ts'
import { packageRoot } from '../lib/files/package-root.ts'
import { createAtMost } from '../lib/flow/at-most.ts'
import { userInfoClaims } from '../oauth/tokens/mint/user-claims.ts'
import { createWatchMasterKey } from '../operations/maintenance/watch-master-key.ts'
import type { Outbox } from '../operations/outbox/outbox.ts'
import { authorizeEndpoint } from '../web/endpoints/authorize/authorize.ts'
import { AUTO_DISCOVERY_PATHS, autoDiscoveryEndpoint } from '../web/endpoints/auto-discovery.ts'
import { checkSessionEndpoint } from '../web/endpoints/check-session.ts'
import { discoveryEndpoint, oauthMetadataEndpoint } from '../web/endpoints/discovery.ts'
import { endSessionEndpoint } from '../web/endpoints/end-session.ts'
import { healthEndpoint } from '../web/endpoints/health.ts'
import { introspectEndpoint } from '../web/endpoints/introspect.ts'
import { jwksEndpoint } from '../web/endpoints/jwks.ts'
import { metricsEndpoint } from '../web/endpoints/metrics.ts'
import { registrationEndpoint } from '../web/endpoints/registration.ts'
import { revokeEndpoint } from '../web/endpoints/revoke.ts'
import { sessionEndpoint } from '../web/endpoints/session.ts'
import { sessionNoticesEndpoint } from '../web/endpoints/session-notices.ts'
import { sessionTouchesEndpoint } from '../web/endpoints/session-touches.ts'
import { tokenEndpoint } from '../web/endpoints/token.ts'
import { userinfoEndpoint } from '../web/endpoints/userinfo.ts'
import { createBrand } from '../web/kit/answers/brand.ts'
import { registerCors } from '../web/kit/answers/cors.ts'
import { registerErrorHandler } from '../web/kit/answers/error-handler.ts'
import { createNamedApps } from '../web/kit/answers/error-page.ts'
import { createFindGuessed } from '../web/kit/answers/guessed-addresses.ts'
import { registerPages } from '../web/kit/answers/pages.ts'
import { createRefuse } from '../web/kit/answers/refusals.ts'
import { registerResponseHeaders } from '../web/kit/answers/response-headers.ts'
import { createSendAnswer } from '../web/kit/answers/send-answer.ts'
import { createAnswerUnreadable } from '../web/kit/answers/unreadable.ts'
import { createActivity } from '../web/kit/limits/activity.ts'
import { createMetrics } from '../web/kit/limits/figures.ts'
import { fastifyOptions, MOST_CONNECTIONS, TIMEOUTS } from '../web/kit/limits/limits.ts'
import { registerRequestLog } from '../web/kit/limits/log-request.ts'
import { registerOverload } from '../web/kit/limits/overload.ts'
import { createPlaces, ROOM } from '../web/kit/limits/places.ts'
import { registerRateLimits } from '../web/kit/limits/rate-limits.ts'
import { registerServiceGuard } from '../web/kit/limits/service-guard.ts'
import { warnOfUndeclaredProxy } from '../web/kit/limits/undeclared-proxy.ts'
import { requireAddressedHere } from '../web/kit/requests/addressed-to.ts'
import { createCookies } from '../web/kit/requests/cookies.ts'
import { registerFormBody } from '../web/kit/requests/form-body.ts'
import { createNetworks } from '../web/kit/requests/network.ts'
import { rememberAddress } from '../web/kit/requests/remember-address.ts'
import { manageApi } from '../web/manage-api/manage-api.ts'
import { brandFiles } from '../web/pages/brand-files.ts'
import { consentSite } from '../web/pages/consent.ts'
import { errorSite } from '../web/pages/error.ts'
import { landingSite } from '../web/pages/landing.ts'
import { loginSite } from '../web/pages/login.ts'
import { logoutSite } from '../web/pages/logout.ts'
import { profileMeEndpoint } from '../web/profile-api/me.ts'
import { profileApi } from '../web/profile-api/profile-api.ts'
import type { Core } from './core.ts'
import { figuresOf } from './figures.ts'
import { createMetadata } from './metadata.ts'
import { createServices } from './services.ts'
import type { Surroundings } from './surroundings.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the server writes down what happens; for whoever runs it. */
    readonly audit: Audit & { flush(): Promise<void> }
    /** Sends what is due; for whoever runs the server. */
    readonly outbox: Pick<Outbox, 'rounds' | 'sendDue'>
    /** Removes apps that registered themselves and that nobody ever allowed anything; for whoever runs the server. */
    forgetUnused(): Promise<void>
  }
}

const FIRST_CALLS_AT_ONCE = 16

/**
 * Puts the server together: the only place where its parts are constructed.
 * @param surroundings what it is given beside them; only `random` has to be
 */
export async function buildServer(
  config: Config,
  core: Core,
  { random, log, timeouts = TIMEOUTS, room = ROOM, passwords = createPasswords() }: Surroundings,
): Promise<FastifyInstance> {
  const { store, keys, clock, masterKeys } = core
  const { issuer, tokens: profile } = config
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const templates = join(packageRoot(), 'templates')

  const server: FastifyInstance = Fastify(
    fastifyOptions(config.http, log, timeouts, (error, socket) => answerUnreadable(error, socket)),
  )
  server.server.maxConnections = MOST_CONNECTIONS
  rememberAddress(server.server, config.http.trustedProxies.length > 0)
  const networks = createNetworks({ issuer, trustedProxies: config.http.trustedProxies })
  const places = createPlaces(room)
  const activity = createActivity()
  const { whileOutside } = places
  const services = createServices(config, core, { random, passwords, log: server.log, whileOutside })
  const { sessions, logout, flow, readCatalogue, subjectOf, audit, browserStateOf, outbox, manage } = services
  const { authenticateApp, lookUpToken, grants, issueTokens, signUserInfo, findApiToken, openApiSession } = services
  const firstCallsInLine = createAtMost(FIRST_CALLS_AT_ONCE)
  server.decorate('audit', audit)
  server.decorate('outbox', outbox)
  server.decorate('forgetUnused', services.forgetUnused)
  server.addHook('onClose', async () => {
    await outbox.stop()
    await services.flush()
  })
  const refuse = createRefuse(services.refusalLog, random, clock)
  const answerUnreadable = createAnswerUnreadable({ refusalLog: services.refusalLog, random, clock })
  const cookies = createCookies(issuer, random)

  const metadata = createMetadata(config, grants.types, readCatalogue)
  const rootPath = `/.well-known/oauth-authorization-server${base}`

  registerRequestLog(server, config.http.logRequests)
  registerResponseHeaders(server, issuer)
  warnOfUndeclaredProxy(server, issuer)
  requireAddressedHere(server, { issuer, hosts: config.http.hosts })
  await registerCors(server, {
    apps: store.read.apps,
    base,
    publicPaths: [rootPath, ...AUTO_DISCOVERY_PATHS],
    anybodyRegisters: config.registration.mode === 'open',
  })
  registerFormBody(server)
  registerOverload(server, places, networks)
  const limits = await registerRateLimits(server, config.limits, networks, activity)
  await server.register(fastifyCookie)
  const brand = createBrand({ settings: store.read.settings, clock })
  const { instanceName } = config
  const renderPage = await registerPages(server, { templates, base, instanceName, cookies, clock, brand })
  const sendAnswer = createSendAnswer(renderPage)
  const findGuessed = createFindGuessed(issuer, config.registration.mode !== 'off')
  const namedApps = createNamedApps({ apps: store.read.apps, boxes: masterKeys.boxesFor('error-pages') })
  registerErrorHandler(server, { refuse, renderPage, namedApps, issuer, findGuessed })
  const metrics = createMetrics(server, figuresOf({ config, core, services, places, log }), activity)

  registerServiceGuard(server, {
    departure: () => store.read.moveState.get('departure'),
    watchMasterKey: createWatchMasterKey({ read: store.read, masterKeys, log: server.log }),
    elapsed: () => performance.now(),
  })

  await server.register(healthEndpoint, { ping: store.ping, whyNotReady: masterKeys.whyLacking })
  await server.register(metricsEndpoint, { metrics, token: config.metrics.token, networks })
  await server.register(oauthMetadataEndpoint, { metadata, rootPath })
  const { instance: database, audience: defaultResource } = profile
  await server.register(autoDiscoveryEndpoint, {
    issuer,
    database,
    defaultResource,
    readResources: store.read.resources.list,
    statusOf: services.statusOfSite,
  })
  const { origin } = new URL(issuer)
  await server.register(profileMeEndpoint, {
    lookUpToken,
    sessions,
    cookies,
    subjectOf,
    defaultResource,
    origin,
    database,
  })
  const ofPages = {
    flow,
    cookies,
    renderPage,
    sendAnswer,
    refuse,
    sessions,
    browserStateOf,
    audit,
    activity,
    issuer,
  }
  await server.register(
    async (id) => {
      await id.register(discoveryEndpoint, { metadata })
      await id.register(jwksEndpoint, { keys })
      await id.register(authorizeEndpoint, { ...ofPages, limits })
      await id.register(checkSessionEndpoint, { renderPage, cookies })
      await id.register(tokenEndpoint, { authenticateApp, grants, issueTokens, limits, activity })
      await id.register(userinfoEndpoint, { lookUpToken, subjectOf, userInfoClaims, signUserInfo })
      await id.register(introspectEndpoint, { authenticateApp, introspect: services.introspect, limits })
      await id.register(revokeEndpoint, { authenticateApp, revokeToken: services.revokeToken, limits })
      await id.register(sessionEndpoint, { authenticateApp, findApiToken, openApiSession, inLine: firstCallsInLine })
      await id.register(sessionTouchesEndpoint, { authenticateApp, touchApiSessions: services.touchApiSessions })
      await id.register(sessionNoticesEndpoint, { authenticateApp, readCatalogue, readNotices: services.readNotices })
      if (config.registration.mode !== 'off')
        await id.register(registrationEndpoint, { registration: services.registration, networks, activity })
      await id.register(endSessionEndpoint, { logout, issuer })
      await id.register(loginSite, {
        ...ofPages,
        methods: services.signInMethods,
        devices: services.devices,
        clock,
        networks,
      })
      await id.register(consentSite, {
        ...ofPages,
        readCatalogue,
        requireDiskSpace: store.requireDiskSpace,
        writeAlone: store.writeAlone,
        clock,
      })
      await id.register(logoutSite, {
        ...ofPages,
        logout,
        subjectOf,
        tellApps: services.tellApps,
        toldApps: services.toldApps,
      })
      await id.register(errorSite, { renderPage, namedApps })
      await id.register(brandFiles, { brand })
    },
    { prefix: base },
  )
  await server.register(landingSite, { ...ofPages, autoDiscovery: AUTO_DISCOVERY_PATHS[0] })
  const managed = '/manage/api/v1'
  await server.register(manageApi, {
    prefix: managed,
    lookUpToken,
    recheckToken: services.recheckToken,
    defaultResource,
    refuse,
    ...manage,
  })
  await server.register(profileApi, {
    prefix: '/profile/api/v1',
    sessions,
    cookies,
    issuer,
    refuse,
    refusals: `${managed}/refusals`,
    tokens: manage.tokens,
    ownTokens: manage.ownTokens,
    consents: manage.consents,
    limits,
  })
  return server
}
