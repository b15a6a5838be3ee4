import { join } from 'node:path'
import fastifyCookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { scopesOf } from './domain/api-resource.ts'
import { USER_CLAIMS } from './domain/requested-claims.ts'
import { serverMetadata } from './domain/server-metadata.ts'
import { authorizeEndpoint } from './endpoints/authorize.ts'
import { AUTO_DISCOVERY_PATHS, autoDiscoveryEndpoint } from './endpoints/auto-discovery.ts'
import { checkSessionEndpoint } from './endpoints/check-session.ts'
import { discoveryEndpoint, oauthMetadataEndpoint } from './endpoints/discovery.ts'
import { endSessionEndpoint } from './endpoints/end-session.ts'
import { healthEndpoint } from './endpoints/health.ts'
import { introspectEndpoint } from './endpoints/introspect.ts'
import { jwksEndpoint } from './endpoints/jwks.ts'
import { manageApi } from './endpoints/manage/api.ts'
import { metricsEndpoint } from './endpoints/metrics.ts'
import { profileApi } from './endpoints/profile/api.ts'
import { profileMeEndpoint } from './endpoints/profile/me.ts'
import { registrationEndpoint } from './endpoints/registration.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import { sessionEndpoint } from './endpoints/session.ts'
import { sessionNoticesEndpoint } from './endpoints/session-notices.ts'
import { sessionTouchesEndpoint } from './endpoints/session-touches.ts'
import { tokenEndpoint } from './endpoints/token.ts'
import { userinfoEndpoint } from './endpoints/userinfo.ts'
import { requireAddressedHere } from './http/addressed-to.ts'
import { createCookies } from './http/cookies.ts'
import { registerCors } from './http/cors.ts'
import { registerErrorHandler } from './http/error-handler.ts'
import { registerFormBody } from './http/form-body.ts'
import { fastifyOptions, type LogStream, MOST_CONNECTIONS, TIMEOUTS, type Timeouts } from './http/limits.ts'
import { LOCALES } from './http/messages.ts'
import { createMetrics } from './http/metrics.ts'
import { registerOverload } from './http/overload.ts'
import { registerPages } from './http/pages.ts'
import { createPlaces, ROOM, type Room } from './http/places.ts'
import { registerRateLimits } from './http/rate-limits.ts'
import { createRefuse } from './http/refusals.ts'
import { rememberAddress } from './http/remember-address.ts'
import { registerResponseHeaders } from './http/response-headers.ts'
import { createSendAnswer } from './http/send-answer.ts'
import { registerServiceGuard } from './http/service-guard.ts'
import { createAnswerUnreadable } from './http/unreadable.ts'
import { createAtMost } from './lib/at-most.ts'
import { packageRoot } from './lib/package-root.ts'
import { createPasswords, type Passwords } from './lib/passwords.ts'
import type { Random } from './lib/secrets.ts'
import { cleanUpLags } from './maintenance/clean-up.ts'
import { createServices } from './services.ts'
import { consentSite } from './sites/consent.ts'
import { errorSite } from './sites/error.ts'
import { loginSite } from './sites/login.ts'
import { logoutSite } from './sites/logout.ts'
import { userInfoClaims } from './tokens/user-claims.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Tells apps of sign-outs that they have not heard of yet; for whoever runs the server. */
    sendLogouts(): Promise<void>
  }
}

const FIRST_CALLS_AT_ONCE = 16
const REGISTRATIONS_AT_ONCE = 8

/** What a server is given by whoever runs it. */
export interface Surroundings {
  /** Where ids, codes and tokens come from. */
  readonly random: Random
  /** Takes the log, one JSON line a record; stdout unless given. */
  readonly log?: LogStream
  /** Of connections. */
  readonly timeouts?: Timeouts
  /** For how many requests at once. */
  readonly room?: Room
  /** What checks passwords. */
  readonly passwords?: Passwords
}

/**
 * Puts the server together: the only place where its parts are constructed.
 * @param surroundings what it is given beside them; only `random` has to be
 */
export async function buildServer(
  config: Config,
  core: Core,
  { random, log, timeouts = TIMEOUTS, room = ROOM, passwords = createPasswords() }: Surroundings,
): Promise<FastifyInstance> {
  const { store, keys, clock } = core
  const { issuer, tokens: settings } = config
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const templates = join(packageRoot(), 'templates')

  const app: FastifyInstance = Fastify(
    fastifyOptions(config.http, log, timeouts, (error, socket) => answerUnreadable(error, socket)),
  )
  app.server.maxConnections = MOST_CONNECTIONS
  rememberAddress(app.server)
  const places = createPlaces(room)
  const services = createServices(config, core, {
    random,
    passwords,
    log: app.log,
    whileOutside: places.whileOutside,
  })
  const { sessions, logout, flow, readCatalogue, subjectOf, audit, authenticateApp, revokeToken } = services
  const { browserStateOf } = services
  const registrationsInLine = createAtMost(REGISTRATIONS_AT_ONCE, (turn) =>
    places.whileOutside('a turn to register', turn),
  )
  const { deliverLogouts } = services
  app.decorate('sendLogouts', deliverLogouts.sendDue)
  app.addHook('onClose', async () => {
    await deliverLogouts.stop()
    await services.flush()
  })
  const refuse = createRefuse(services.refusalJournal, random, clock)
  const answerUnreadable = createAnswerUnreadable({ journal: services.refusalJournal, random, clock })
  const cookies = createCookies(issuer, random)

  const facts = {
    grantTypes: services.grants.types,
    responseTypes: config.responseTypes,
    requestObjects: config.requestObjects,
    userClaims: USER_CLAIMS,
    locales: LOCALES,
    registration: config.registration.mode !== 'off',
  }
  const metadata = async () =>
    serverMetadata({ issuer, ...facts, apiScopes: scopesOf((await readCatalogue()).resources) })
  const rootPath = `/.well-known/oauth-authorization-server${base}`

  registerResponseHeaders(app, issuer)
  requireAddressedHere(app, { issuer, hosts: config.http.hosts })
  await registerCors(app, {
    apps: store.read.apps,
    publicPaths: [
      rootPath,
      `${base}/.well-known/openid-configuration`,
      `${base}/.well-known/openid-configuration/jwks`,
      ...AUTO_DISCOVERY_PATHS,
    ],
    appPaths: [`${base}/connect/token`, `${base}/connect/userinfo`, `${base}/connect/revocation`],
  })
  await registerFormBody(app)
  registerOverload(app, places, room)
  const limits = await registerRateLimits(app, config.limits)
  await app.register(fastifyCookie)
  const renderPage = await registerPages(app, { templates, base, instanceName: config.instanceName })
  const sendAnswer = createSendAnswer(renderPage)
  registerErrorHandler(app, { refuse, renderPage, issuer })
  const metrics = createMetrics(app, {
    databaseSize: store.size,
    lostLogLines: () => log?.lost?.() ?? 0,
    licence: async () => {
      const rules = await store.read.settings.apiSessionRules()
      return { slots: rules.slots, live: (await store.read.apiSessions.lookAround({ rules, now: clock() })).live }
    },
    logoutNotices: deliverLogouts.figures,
    requests: places.figures,
    refusals: services.refusalJournal.counts,
    cleanUpLags: () => cleanUpLags({ store, clock, longestSession: config.sessions.absolute }),
  })

  registerServiceGuard(app, {
    departure: () => store.read.moveState.get('departure'),
    elapsed: () => performance.now(),
  })

  await app.register(healthEndpoint, { ping: store.ping })
  await app.register(metricsEndpoint, { metrics, token: config.metrics.token })
  await app.register(oauthMetadataEndpoint, { metadata, rootPath })
  const { instance: database, audience: standard } = settings
  await app.register(autoDiscoveryEndpoint, { issuer, database, readResources: store.read.resources.list })
  const { origin } = new URL(issuer)
  await app.register(profileMeEndpoint, { ...services, cookies, standard, origin, database })
  await app.register(
    async (id) => {
      await id.register(discoveryEndpoint, { metadata })
      await id.register(jwksEndpoint, { keys })
      await id.register(authorizeEndpoint, {
        flow,
        cookies,
        refuse,
        sendAnswer,
        browserStateOf,
        issuer,
        limits,
        sessions,
      })
      await id.register(checkSessionEndpoint, { renderPage, cookies })
      await id.register(tokenEndpoint, { ...services, limits })
      await id.register(userinfoEndpoint, { ...services, userInfoClaims })
      await id.register(introspectEndpoint, { authenticateApp, introspect: services.introspect, limits })
      await id.register(revokeEndpoint, { authenticateApp, revokeToken, limits })
      await id.register(sessionEndpoint, { ...services, inLine: createAtMost(FIRST_CALLS_AT_ONCE) })
      await id.register(sessionTouchesEndpoint, services)
      await id.register(sessionNoticesEndpoint, services)
      if (config.registration.mode !== 'off')
        await id.register(registrationEndpoint, { ...services, inLine: registrationsInLine })
      await id.register(endSessionEndpoint, { logout, issuer })
      await id.register(loginSite, {
        flow,
        cookies,
        renderPage,
        checkPassword: services.checkPassword,
        devices: services.devices,
        clock,
        sessions,
        audit,
        refuse,
        browserStateOf,
        issuer,
      })
      await id.register(consentSite, {
        flow,
        cookies,
        renderPage,
        refuse,
        sendAnswer,
        readCatalogue,
        store,
        clock,
        audit,
        issuer,
      })
      await id.register(logoutSite, {
        logout,
        sessions,
        cookies,
        renderPage,
        subjectOf,
        audit,
        tellApps: deliverLogouts.tell,
        issuer,
      })
      await id.register(errorSite, { renderPage })
    },
    { prefix: base },
  )
  const managed = '/manage/api/v1'
  await app.register(manageApi, {
    prefix: managed,
    lookUpToken: services.lookUpToken,
    judgeAgain: services.judgeAgain,
    standard,
    refuse,
    ...services.manage,
  })
  await app.register(profileApi, {
    prefix: '/profile/api/v1',
    sessions,
    cookies,
    issuer,
    refuse,
    refusals: `${managed}/refusals`,
    tokens: services.manage.tokens,
    consents: services.manage.consents,
  })
  return app
}
