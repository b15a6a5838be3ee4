import type { FastifyBaseLogger } from 'fastify'
import { createManageApps } from './administration/manage-apps.ts'
import { createManageConsents } from './administration/manage-consents.ts'
import { createManageSessions } from './administration/manage-sessions.ts'
import { createManageTokens } from './administration/manage-tokens.ts'
import { createManageUsers } from './administration/manage-users.ts'
import { createReadJournals } from './administration/read-journals.ts'
import { createAppSignatures } from './app-signatures.ts'
import { createAuthorizeFlow } from './authorize/flow.ts'
import { createIssueAnswer } from './authorize/issue-answer.ts'
import { createSessionStateParameter } from './authorize/session-state.ts'
import { createTickets } from './authorize/tickets.ts'
import { createAuthenticateApp } from './client-auth/authenticate.ts'
import { createJudgeAssertion } from './client-auth/judge-assertion.ts'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import type { Sector } from './domain/sector.ts'
import { sectorOf } from './domain/sector.ts'
import type { User } from './domain/user.ts'
import { createAuthorizationCodeGrant } from './grants/authorization-code.ts'
import { createClientCredentialsGrant } from './grants/client-credentials.ts'
import { createRefreshTokenGrant } from './grants/refresh-token.ts'
import { createGrantRegistry } from './grants/registry.ts'
import { createAuditJournal } from './journal/audit.ts'
import { createRefusalJournal } from './journal/refusals.ts'
import { MINUTE } from './lib/clock.ts'
import { createLastUse } from './lib/last-use.ts'
import type { WhileOutside } from './lib/outside.ts'
import type { Passwords } from './lib/passwords.ts'
import { deriveKey } from './lib/sealed-box.ts'
import type { Random } from './lib/secrets.ts'
import { createRegistration } from './registration/registration.ts'
import { createBrowserState } from './sessions/browser-state.ts'
import { createDeliverLogouts } from './sessions/deliver-logouts.ts'
import { createLogout } from './sessions/logout.ts'
import { createOpenApiSession } from './sessions/open-api-session.ts'
import { createSignInSessions } from './sessions/sign-in-sessions.ts'
import { createTouchApiSessions } from './sessions/touch-api-sessions.ts'
import { createDevices } from './sign-in/devices.ts'
import { createCheckPassword } from './sign-in/password.ts'
import { createSignInThrottle } from './sign-in/throttle.ts'
import { createReadCatalogue } from './tokens/catalogue.ts'
import { createFindApiToken } from './tokens/find-api-token.ts'
import { createFindToken, createLookUpToken } from './tokens/find-token.ts'
import { idTokenClaims } from './tokens/id-token.ts'
import { createReadIdTokenHint } from './tokens/id-token-hint.ts'
import { createIntrospect } from './tokens/introspect.ts'
import { createIssueTokens } from './tokens/issue.ts'
import { createJudgeAgain } from './tokens/judge-again.ts'
import { logoutTokenClaims } from './tokens/logout-token.ts'
import { createMintAccessToken } from './tokens/mint-access-token.ts'
import { createReadNotices } from './tokens/read-notices.ts'
import { createRevokeToken } from './tokens/revoke-token.ts'
import { completeSettings, subjectOf as subjectWith } from './tokens/settings.ts'
import { createSignUserInfo } from './tokens/sign-user-info.ts'

/** Every part that is not about HTTP, put together. */
export type Services = ReturnType<typeof createServices>

interface Around {
  /** Where ids, codes and tokens come from. */
  readonly random: Random
  /** Takes what the journals tell as well, and what could not be written down. */
  readonly log: FastifyBaseLogger
  /** Lets a request wait for other servers without keeping anybody else waiting. */
  readonly whileOutside: WhileOutside
  readonly passwords: Passwords
}

/** Constructs the parts that endpoints and pages put in a row. */
export function createServices(config: Config, core: Core, { random, log, whileOutside, passwords }: Around) {
  const { store, keys, clock, masterKey, outbound } = core
  const { issuer } = config
  const settings = completeSettings(config.tokens, masterKey)
  const auditJournal = createAuditJournal({ store, clock, log: log })
  const refusalJournal = createRefusalJournal({ store, clock, log })
  const secretUse = createLastUse({
    write: (uses) => store.write(({ apps }) => apps.touchSecrets(uses)),
    clock,
    every: 5 * MINUTE,
    onLost: (count, err) => log.warn({ count, err }, 'the last use of secrets could not be noted'),
  })
  const tokenUse = createLastUse({
    write: (uses) => store.write(({ referenceTokens }) => referenceTokens.touch(uses)),
    clock,
    every: MINUTE,
    onLost: (count, err) => log.warn({ count, err }, 'the last use of reference tokens could not be noted'),
  })
  const journals = [auditJournal, refusalJournal, secretUse, tokenUse]
  const flush = () => Promise.all(journals.map((journal) => journal.flush()))
  const { audit } = auditJournal
  const subjectOf = (user: User, sector: Sector): string => subjectWith(user, sector, settings)

  const readCatalogue = createReadCatalogue(store.read.resources, settings.audience)

  const sessions = createSignInSessions({ store, clock, random, limits: config.sessions })
  const devices = createDevices({ key: deriveKey(masterKey, 'devices'), clock, random })
  const throttle = createSignInThrottle({
    store,
    clock,
    key: deriveKey(masterKey, 'sign-in-throttle'),
    devices,
    mostOfNetwork: config.limits.signIn,
  })
  const checkPassword = createCheckPassword({ store, passwords, throttle })
  const readIdTokenHint = createReadIdTokenHint(keys, issuer, clock)
  const browserStateOf = createBrowserState(deriveKey(masterKey, 'browser-state'))
  const logoutKey = deriveKey(masterKey, 'logout-tickets')
  const logout = createLogout({
    apps: store.read.apps,
    readHint: readIdTokenHint,
    key: logoutKey,
    clock,
    random,
    issuer,
  })

  const deliverLogouts = createDeliverLogouts({
    store,
    clock,
    post: outbound.post,
    whileOutside,
    sign: (app, user, sid) => {
      const subject = user && subjectOf(user, sectorOf(app))
      const claims = logoutTokenClaims({ issuer, applicationUri: app.applicationUri, subject, sid }, clock())
      return keys.signFor(app, claims, 'logout+jwt')
    },
    audits: auditJournal,
    log,
  })

  const { secretKey, verifySignature, readEffective } = createAppSignatures(config, core, whileOutside)
  const judgeAssertion = createJudgeAssertion({ verifySignature, issuer, clock })
  const authenticateApp = createAuthenticateApp({ store, judgeAssertion, clock, secretUse, audit })
  const lookUpToken = createLookUpToken({ store, keys, settings, clock, readCatalogue, uses: tokenUse })
  const judgeAgain = createJudgeAgain({ settings, clock })
  const findToken = createFindToken(lookUpToken)
  const introspect = createIntrospect({ findToken, readCatalogue, keys, clock, issuer, subjectOf })
  const revokeToken = createRevokeToken({ store, findToken, clock, audits: auditJournal })
  const mintAccessToken = createMintAccessToken({ keys, settings, clock, random })
  const issueTokens = createIssueTokens({
    store,
    keys,
    mintAccessToken,
    settings,
    clock,
    random,
    audit,
    audits: auditJournal,
  })
  const grants = createGrantRegistry([
    createAuthorizationCodeGrant({ store, clock, audit, readCatalogue }),
    createRefreshTokenGrant({ store, clock, audit, readCatalogue }),
    createClientCredentialsGrant({ ...store.read, readCatalogue }),
  ])

  const flow = createAuthorizeFlow({
    store,
    clock,
    issuer,
    tickets: createTickets({ key: deriveKey(masterKey, 'authorize-tickets'), clock, random, issuer }),
    issueAnswer: createIssueAnswer({
      store,
      clock,
      random,
      mintAccessToken,
      readCatalogue,
      audits: auditJournal,
      signIdToken: (subject) =>
        keys.signFor(subject.app, idTokenClaims(subject, settings, keys.algorithmFor(subject.app), clock()), 'JWT'),
    }),
    readEffective,
    readIdTokenHint,
    readCatalogue,
    responseTypes: config.responseTypes,
    findSession: sessions.find,
    subjectOf,
    sessionStateParameter: createSessionStateParameter({ browserStateOf, random }),
  })

  return {
    audit: auditJournal.audit,
    refusalJournal,
    flush,
    readCatalogue,
    subjectOf,
    sessions,
    browserStateOf,
    checkPassword,
    devices,
    logout,
    deliverLogouts,
    authenticateApp,
    lookUpToken,
    judgeAgain,
    findToken,
    introspect,
    revokeToken,
    findApiToken: createFindApiToken({ lookUpToken, judgeAgain, readCatalogue }),
    openApiSession: createOpenApiSession({ store, clock, audit, audits: auditJournal }),
    touchApiSessions: createTouchApiSessions({ store, clock, readCatalogue }),
    readNotices: createReadNotices({ store, clock }),
    grants,
    issueTokens,
    signUserInfo: createSignUserInfo({ keys, issuer }),
    flow,
    registration: createRegistration({
      store,
      clock,
      random,
      outbound,
      whileOutside,
      policy: config.registration,
      offer: { responseTypes: config.responseTypes, scopes: config.registration.scopes },
      standard: keys.algorithm,
      secretKey,
      issuer,
      tell: auditJournal.tell,
    }),
    manage: {
      apps: createManageApps({ store, clock, random, secretKey, outbound, tell: auditJournal.tell }),
      tokens: createManageTokens({ store, clock, random, tell: auditJournal.tell }),
      sessions: createManageSessions({ store, clock, tell: auditJournal.tell }),
      consents: createManageConsents({ store, clock, tell: auditJournal.tell }),
      users: createManageUsers({ store, clock, hashPassword: passwords.hash, tell: auditJournal.tell }),
      journals: createReadJournals({ store, flush }),
    },
  }
}
