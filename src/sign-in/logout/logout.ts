import { sectorOf } from '../../domain/apps/sector.ts'
import { isInteractive, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { createInteractionSeal, INTERACTION_LIFETIME, NOT_OPENED } from '../../domain/protocol/interaction-seal.ts'
import { appendParameters } from '../../domain/protocol/redirect-uri.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { Boxes } from '../../lib/crypto/master-keys.ts'
import { newShortId, type Random } from '../../lib/crypto/secrets.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { TrustedApplications } from '../../store/repositories/apps/trusted-applications.ts'

interface Hint {
  readonly sub: string
  readonly sid: string | undefined
  readonly app: string
}

/** A checked logout request on its way to the page that carries it out. */
export interface LogoutInteraction {
  readonly id: string
  readonly startedAt: number
  /** The ApplicationUri of the app that asks. */
  readonly app?: string
  /** Its ApplicationUri, where it has a home that the last page may lead back to. */
  readonly backTo?: string
  /** Registered for the app; where the browser goes in the end. */
  readonly redirectUri?: string
  /** Nobody vouched for the app: where it sends people is their own decision. */
  readonly selfRegistered?: true
  readonly state?: string
  readonly uiLocales?: string
  /** From a genuine ID token: this session may be ended without asking. */
  readonly hint?: { readonly sub: string; readonly sid?: string; readonly sector?: string }
}

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly readHint: (idToken: string) => Promise<Hint | undefined>
  readonly boxes: Boxes
  readonly clock: Clock
  readonly random: Random
  readonly issuer: string
}

export type Logout = ReturnType<typeof createLogout>

const whyNoApp = (sentHint: string | undefined, hint: Hint | undefined, clientId: string | undefined): string => {
  if (sentHint !== undefined && !hint) return 'id_token_hint is not an ID token of this server'
  if (hint && clientId !== undefined && hint.app !== clientId)
    return `id_token_hint was issued to ${hint.app}, and client_id names another app`
  if (hint === undefined && clientId === undefined) return 'neither id_token_hint nor client_id was sent'
  return 'the app is unknown or disabled'
}

/** RP-initiated logout, from its parameters to the URL the browser ends at. @see OIDC RP-Initiated Logout §2, §3 */
export function createLogout({ apps, readHint, boxes, clock, random, issuer }: Dependencies) {
  const sealed = createInteractionSeal<LogoutInteraction>({ purpose: 'logout', what: 'sign-out request', boxes, clock })

  /** The app a request speaks for: the one the hint was issued to, or the one it names. */
  async function findApp(hint: Hint | undefined, clientId: string | undefined) {
    if (hint && clientId !== undefined && hint.app !== clientId) return undefined
    const named = hint?.app ?? clientId
    const app = named === undefined ? undefined : await apps.find(named)
    return app?.isEnabled ? app : undefined
  }

  return {
    /** @throws Refused for an error page, when the browser is to go somewhere it may not */
    async begin(form: Form): Promise<LogoutInteraction> {
      const sentHint = form.get('id_token_hint')
      const hint = sentHint === undefined ? undefined : await readHint(sentHint)
      const app = sentHint === undefined || hint ? await findApp(hint, form.get('client_id')) : undefined
      const redirectUri = form.get('post_logout_redirect_uri')
      if (redirectUri !== undefined && !app?.impersonateLogoutUrl.includes(redirectUri)) {
        throw new Refused(
          'invalid_request',
          app
            ? 'post_logout_redirect_uri is not registered for this app'
            : 'post_logout_redirect_uri needs a valid id_token_hint, or the client_id of an app it is registered for',
          app
            ? {
                rule: 'logout-uri-unregistered',
                client_id: app.applicationUri,
                cause: 'no registered post-logout redirect URI is identical to this one, byte for byte',
                sent: redirectUri,
                expected: app.impersonateLogoutUrl,
              }
            : {
                rule: 'logout-uri-without-app',
                cause: whyNoApp(sentHint, hint, form.get('client_id')),
                sent: redirectUri,
              },
          { restart: `${issuer}/connect/endsession` },
        )
      }
      const sector = app && sectorOf(app)
      const [state, uiLocales] = [form.get('state'), form.get('ui_locales')]
      return {
        id: newShortId(random),
        startedAt: clock(),
        ...(app ? { app: app.applicationUri } : {}),
        ...(app && homeOf(app) ? { backTo: app.applicationUri } : {}),
        ...(app?.selfRegistered ? { selfRegistered: true as const } : {}),
        ...(redirectUri === undefined ? {} : { redirectUri, ...(state === undefined ? {} : { state }) }),
        ...(uiLocales === undefined ? {} : { uiLocales }),
        ...(hint
          ? {
              hint: {
                sub: hint.sub,
                ...(hint.sid === undefined ? {} : { sid: hint.sid }),
                ...(sector === undefined ? {} : { sector }),
              },
            }
          : {}),
      }
    },

    seal: sealed.seal,

    /** The app that asks, for people to read its name. */
    appOf: async ({ app }: LogoutInteraction) => (app === undefined ? undefined : apps.find(app)),

    open(box: string): LogoutInteraction {
      const opened = sealed.open(box)
      if (opened && !opened.isOver) return opened.interaction
      throw new Refused(
        'interaction_expired',
        'this sign-out link is no longer valid',
        opened
          ? { rule: 'interaction-expired', cause: `the link is older than ${INTERACTION_LIFETIME / MINUTE} minutes` }
          : { rule: 'interaction-invalid', cause: NOT_OPENED },
        { restart: `${issuer}/connect/endsession` },
      )
    },

    /** Where the browser goes when all is done. @param sealTold which apps were told; asked only for a page of ours, which says so */
    doneUrl({ backTo, redirectUri, state, uiLocales }: LogoutInteraction, sealTold?: () => string | undefined): string {
      if (redirectUri !== undefined) return state === undefined ? redirectUri : appendParameters(redirectUri, { state })
      const told = sealTold?.()
      const shown = {
        ...(backTo === undefined ? {} : { app: backTo }),
        ...(told === undefined ? {} : { told }),
        ...(uiLocales === undefined ? {} : { ui_locales: uiLocales }),
      }
      const signedOut = `${issuer}/logout/signed-out`
      return Object.keys(shown).length === 0 ? signedOut : appendParameters(signedOut, shown)
    },

    /** Where an app is at home, by its ApplicationUri. */
    async findHome(applicationUri: string | undefined): Promise<Home | undefined> {
      const app = applicationUri === undefined ? undefined : await apps.find(applicationUri)
      return app?.isEnabled && isInteractive(app) ? homeOf(app) : undefined
    },
  }
}

export interface Home extends Pick<TrustedApplication, 'name' | 'localizedNames'> {
  readonly url: string
}

/** As far as an administrator vouched for it: a link here must not lead just anywhere. */
const homeOf = ({ name, localizedNames, clientUri, selfRegistered }: TrustedApplication): Home | undefined =>
  selfRegistered || clientUri === undefined ? undefined : { name, localizedNames, url: clientUri }
