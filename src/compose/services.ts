import { createOpenApiSession } from '../api-sessions/open-api-session.ts'
import { createTouchApiSessions } from '../api-sessions/touch-api-sessions.ts'
import type { Config } from '../config/read-config.ts'
import type { Sector } from '../domain/apps/sector.ts'
import type { User } from '../domain/users/user.ts'
import type { Passwords } from '../lib/crypto/passwords.ts'
import type { Random } from '../lib/crypto/secrets.ts'
import { createLastUse } from '../lib/flow/last-use.ts'
import type { WhileOutside } from '../lib/flow/outside.ts'
import { MINUTE } from '../lib/time/clock.ts'
import { createAuthorizeFlow } from '../oauth/authorize/flow.ts'
import { createIssueAnswer } from '../oauth/authorize/issue-answer.ts'
import { createInteractions } from '../oauth/authorize/sealed-interaction.ts'
import { createSessionStateParameter } from '../oauth/authorize/session-state.ts'
import { createAuthenticateApp } from '../oauth/client-auth/authenticate.ts'
import { createVerifyAssertion } from '../oauth/client-auth/verify-assertion.ts'
import { createAuthorizationCodeGrant, createRefuseSecondCode } from '../oauth/grants/authorization-code.ts'
import { createClientCredentialsGrant } from '../oauth/grants/client-credentials.ts'
import { createAnswerSecondRefresh, createRefreshTokenGrant } from '../oauth/grants/refresh-token.ts'
import { createGrantRegistry } from '../oauth/grants/registry.ts'
import { createReadCatalogue } from '../oauth/tokens/lookup/catalogue.ts'
import { createFindApiToken } from '../oauth/tokens/lookup/find-api-token.ts'
import { createFindToken, createLookUpToken } from '../oauth/tokens/lookup/find-token.ts'
import { createIntrospect } from '../oauth/tokens/lookup/introspect.ts'
import { createReadIdTokenHint } from '../oauth/tokens/lookup/read-id-token-hint.ts'
import { createReadNotices } from '../oauth/tokens/lookup/read-notices.ts'
import { createRecheckToken } from '../oauth/tokens/lookup/recheck-token.ts'
import { createRevokeToken } from '../oauth/tokens/lookup/revoke-token.ts'
import { idTokenClaims } from '../oauth/tokens/mint/id-token.ts'
import { createIssueTokens } from '../oauth/tokens/mint/issue.ts'
import { createSignLogoutToken } from '../oauth/tokens/mint/logout-token.ts'
import { createMintAccessToken } from '../oauth/tokens/mint/mint-access-token.ts'
import { createSignUserInfo } from '../oauth/tokens/mint/sign-user-info.ts'
import { completeProfile, subjectOf as subjectWith } from '../oauth/tokens/mint/token-profile.ts'
import { createAudit } from '../operations/audit/audit.ts'
import { createSiteStatuses } from '../operations/maintenance/site-statuses.ts'
import { createOutbox } from '../operations/outbox/outbox.ts'
import { createKnownApps } from '../operations/refusals/known-apps.ts'
import { createRefusalLog } from '../operations/refusals/refusal-log.ts'
import { createDevices } from '../sign-in/devices/devices.ts'
import { createLogout } from '../sign-in/logout/logout.ts'
import { createLogoutNotices } from '../sign-in/logout/logout-notices.ts'
import { createTellApps } from '../sign-in/logout/tell-apps.ts'
import { createToldApps } from '../sign-in/logout/told-apps.ts'
import { createPasswordMethod } from '../sign-in/methods/password.ts'
import { createSignInMethods } from '../sign-in/methods/registry.ts'
import { createBrowserState } from '../sign-in/session/browser-state.ts'
import { createSignInSessions } from '../sign-in/session/sign-in-sessions.ts'
import { createSignInThrottle } from '../sign-in/throttle/throttle.ts'
import { createAdministration } from './administration.ts'
import { createAppSignatures } from './app-signatures.ts'
import type { Core } from './core.ts'

/** Every part that is not about HTTP, put together. */
export type Services = ReturnType<typeof createServices>

/** The part of a log that the parts write to. */
export interface Log {
  info(record: object, message: string): void
  warn(record: object, message: string): void
  error(record: object, message: string): void
}

interface Around {
  /** Where ids, codes and tokens come from. */
  readonly random: Random
  /** Takes the lines of the audit and the refusal log, and reports what could not be stored. */
  readonly log: Log
  /** Lets a request wait for other servers without keeping anybody else waiting. */
  readonly whileOutside: WhileOutside
  readonly passwords: Passwords
}

/** Constructs the parts that endpoints and pages put in a row. */
export function createServices(config: Config, core: Core, { random, log, whileOutside, passwords }: Around) {
  const { store, keys, clock, masterKeys, lastingKeys, outbound } = core
  const { write, writeEnding, writeAlone, requireDiskSpace } = store
  const knownApps = createKnownApps()
  const read = { ...store.read, apps: knownApps.watch(store.read.apps) }
  const { issuer } = config
  const profile = completeProfile(config.tokens, lastingKeys)
  const audit = createAudit({ write, clock, log })
  const refusalLog = createRefusalLog({ write, clock, log, isKnownApp: knownApps.has })
  const secretUse = createLastUse({
    write: (uses) => write(({ apps }) => apps.touchSecrets(uses)),
    clock,
    every: 5 * MINUTE,
    onLost: (count, err) => log.warn({ count, err }, 'the last use of secrets could not be recorded'),
  })
  const tokenUse = createLastUse({
    write: (uses) => write(({ referenceTokens }) => referenceTokens.touch(uses)),
    clock,
    every: MINUTE,
    onLost: (count, err) => log.warn({ count, err }, 'the last use of reference tokens could not be recorded'),
  })
  const recorders = [audit, refusalLog, secretUse, tokenUse]
  const flush = () => Promise.all(recorders.map((recorder) => recorder.flush()))
  const subjectOf = (user: User, sector: Sector): string => subjectWith(user, sector, profile)

  const readCatalogue = createReadCatalogue(read.resources, profile.audience)

  const sessions = createSignInSessions({ read, write, writeEnding, clock, random, limits: config.sessions })
  const devices = createDevices({ keys: () => masterKeys.keysFor('devices'), clock, random })
  const throttle = createSignInThrottle({
    signInAttempts: read.signInAttempts,
    write,
    clock,
    keys: () => masterKeys.keysFor('sign-in-throttle'),
    devices,
    mostOfNetwork: config.limits.signIn,
  })
  const signInMethods = createSignInMethods(
    [createPasswordMethod({ users: read.users, write, passwords, throttle })],
    clock,
  )
  const readIdTokenHint = createReadIdTokenHint(keys, issuer, clock)
  const browserStateOf = createBrowserState(lastingKeys['browser-state'])
  const logout = createLogout({
    apps: read.apps,
    readHint: readIdTokenHint,
    boxes: masterKeys.boxesFor('logout-tickets'),
    clock,
    random,
    issuer,
  })

  const signLogoutToken = createSignLogoutToken({ keys, issuer, subjectOf, clock })
  const outbox = createOutbox({
    read,
    writeEnding,
    clock,
    audit,
    log,
    senders: [createLogoutNotices({ apps: read.apps, users: read.users, sign: signLogoutToken, post: outbound.post })],
  })

  const { sealedSecrets, verifySignature, readEffective } = createAppSignatures(config, core, whileOutside)
  const verifyAssertion = createVerifyAssertion({ verifySignature, issuer, clock })
  const authenticateApp = createAuthenticateApp({ apps: read.apps, write, verifyAssertion, clock, secretUse, audit })
  const { isOpen: isSessionOpen } = sessions
  const lookUpToken = createLookUpToken({ read, keys, profile, clock, readCatalogue, uses: tokenUse, isSessionOpen })
  const recheckToken = createRecheckToken({ profile, clock })
  const findToken = createFindToken(lookUpToken)
  const introspect = createIntrospect({ findToken, readCatalogue, keys, clock, issuer, subjectOf })
  const revokeToken = createRevokeToken({ writeEnding, findToken, clock, audit })
  const mintAccessToken = createMintAccessToken({ keys, profile, clock, random })
  const issueTokens = createIssueTokens({
    write,
    keys,
    mintAccessToken,
    profile,
    clock,
    random,
    audit,
    seconds: {
      code: createRefuseSecondCode({ read, writeEnding, clock, audit }),
      refreshToken: createAnswerSecondRefresh({ read, writeEnding, clock, audit, isSessionOpen }),
    },
  })
  const grants = createGrantRegistry([
    createAuthorizationCodeGrant({ read, writeEnding, clock, audit, readCatalogue }),
    createRefreshTokenGrant({ read, writeEnding, clock, audit, readCatalogue, isSessionOpen }),
    createClientCredentialsGrant({ users: read.users, sessionEpochs: read.sessionEpochs, readCatalogue }),
  ])

  const { registration, forgetUnused, manage } = createAdministration(config, core, {
    random,
    whileOutside,
    passwords,
    audit,
    flush,
    sealedSecrets,
    grants,
    readCatalogue,
    isSessionOpen,
  })

  const flow = createAuthorizeFlow({
    read,
    clock,
    issuer,
    interactions: createInteractions({ boxes: masterKeys.boxesFor('authorize-tickets'), clock, random, issuer }),
    issueAnswer: createIssueAnswer({
      write,
      clock,
      random,
      mintAccessToken,
      readCatalogue,
      audit,
      signIdToken: (subject) =>
        keys.signFor(subject.app, idTokenClaims(subject, profile, keys.algorithmFor(subject.app), clock()), 'JWT'),
    }),
    readEffective,
    readIdTokenHint,
    readCatalogue,
    responseTypes: config.responseTypes,
    profileWithEmail: config.tokens.profileWithEmail,
    findSession: sessions.find,
    subjectOf,
    sessionStateParameter: createSessionStateParameter({ browserStateOf, random }),
  })

  return {
    audit,
    refusalLog,
    flush,
    readCatalogue,
    subjectOf,
    sessions,
    browserStateOf,
    signInMethods,
    devices,
    logout,
    outbox,
    toldApps: createToldApps({
      apps: read.apps,
      outbox: read.outbox,
      boxes: masterKeys.boxesFor('logout-tickets'),
      clock,
    }),
    tellApps: createTellApps({ sendNow: outbox.sendNow, whileOutside }),
    authenticateApp,
    lookUpToken,
    recheckToken,
    findToken,
    introspect,
    revokeToken,
    findApiToken: createFindApiToken({ lookUpToken, recheckToken, readCatalogue }),
    openApiSession: createOpenApiSession({ read, write, writeAlone, requireDiskSpace, clock, audit }),
    touchApiSessions: createTouchApiSessions({ read, write, clock, readCatalogue }),
    readNotices: createReadNotices({ tokenNotices: read.tokenNotices, clock }),
    grants,
    issueTokens,
    signUserInfo: createSignUserInfo({ keys, issuer }),
    flow,
    registration,
    forgetUnused,
    manage,
    statusOfSite: createSiteStatuses({ outbound, clock, isOn: config.siteProbes }),
  }
}
