import { createForm, type Form, isRepeatable } from '../../domain/protocol/form.ts'
import { createInteractionSeal, INTERACTION_LIFETIME, NOT_OPENED } from '../../domain/protocol/interaction-seal.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { Boxes } from '../../lib/crypto/master-keys.ts'
import { newSecret, type Random } from '../../lib/crypto/secrets.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { InteractionProgress } from './interaction.ts'
import { KEPT_PARAMETERS, type Redirectable } from './request/request.ts'

/**
 * An authorization request on its way through sign-in and consent. It travels sealed in the URL, so that a request
 * nobody completes costs the server nothing, and parallel tabs do not know of each other.
 */
export interface Interaction extends InteractionProgress {
  /** One interaction is exchanged for at most one live code. */
  readonly id: string
  readonly startedAt: number
  readonly parameters: Readonly<Record<string, string | string[]>>
  /** Digest of the browser's cookie, once the interaction is bound to one. */
  readonly browser?: string
  /** The person is not whoever is signed in, as they said themselves. */
  readonly another?: true
  /** The request was refused, and its app hears of that once somebody has signed in. */
  readonly refused?: RefusedRequest
}

/** What an app is told of its refused request. */
export interface RefusedRequest extends Pick<Refused, 'code' | 'description'> {
  /** Of the refusal. */
  readonly id: string
}

export type Interactions = ReturnType<typeof createInteractions>

interface Dependencies {
  readonly boxes: Boxes
  readonly clock: Clock
  readonly random: Random
  readonly issuer: string
}

/** Seals interactions and opens them again, in the same browser only. */
export function createInteractions({ boxes, clock, random, issuer }: Dependencies) {
  const sealed = createInteractionSeal<Interaction>({
    purpose: 'authorize',
    what: 'authorization request',
    boxes,
    clock,
  })
  const restartUrl = (parameters: Interaction['parameters']): string =>
    `${issuer}/connect/authorize?${new URLSearchParams(Object.entries(parameters).flatMap(pairsOf))}`

  return {
    /** Begins one for a request that has just arrived. */
    start(form: Form): Interaction {
      const kept = KEPT_PARAMETERS.flatMap((name) => {
        const values = isRepeatable(name) ? form.all(name) : form.get(name)
        return values === undefined || values.length === 0 ? [] : [[name, values]]
      })
      return { id: newSecret(random), startedAt: clock(), parameters: Object.fromEntries(kept) }
    },

    /** Begins one that ends with an error, of which the app is told where the request proved that it may be. */
    startRefused({ app, redirectUri, state, responseMode }: Redirectable, refused: RefusedRequest): Interaction {
      const parameters = {
        client_id: app.applicationUri,
        redirect_uri: redirectUri,
        response_mode: responseMode,
        ...(state === undefined ? {} : { state }),
      }
      return { id: newSecret(random), startedAt: clock(), parameters, refused }
    },

    seal: sealed.seal,

    /**
     * Opens one.
     * @param browser digest of the browser's cookie
     * @param accept `any` also one that is bound to no browser yet; no page is shown for one
     * @throws Refused `interaction_expired`, with a way to begin again where it is genuine
     */
    open(box: string, browser: string | undefined, accept: 'bound' | 'any' = 'bound'): Interaction {
      const opened = sealed.open(box)
      if (!opened)
        throw new Refused('interaction_expired', 'this sign-in link is not valid; begin again in the app', {
          rule: 'interaction-invalid',
          cause: NOT_OPENED,
        })
      const { interaction, age, isOver } = opened
      const own = interaction.browser === undefined || interaction.browser === browser
      const restart = restartUrl(own ? interaction.parameters : withoutPerson(interaction.parameters))
      if (isOver) {
        throw new Refused(
          'interaction_expired',
          'this sign-in took too long',
          {
            rule: 'interaction-expired',
            client_id: interaction.parameters['client_id'],
            cause: `it was begun ${Math.round(age / MINUTE)} minutes ago; ${INTERACTION_LIFETIME / MINUTE} are allowed`,
          },
          { restart },
        )
      }
      if (!own || (interaction.browser === undefined && accept === 'bound')) {
        throw new Refused(
          'interaction_expired',
          'this sign-in began in another browser',
          {
            rule: 'interaction-elsewhere',
            client_id: interaction.parameters['client_id'],
            cause: 'the cookie of the browser that began this sign-in did not come with the request',
          },
          { restart },
        )
      }
      return interaction
    },
  }
}

/** What whoever was given the link may see: nothing about the person who began. */
const withoutPerson = ({
  id_token_hint,
  login_hint,
  ...parameters
}: Interaction['parameters']): Interaction['parameters'] => parameters
const pairsOf = ([name, values]: [string, string | string[]]): [string, string][] =>
  [values].flat().map((value) => [name, value])

/** The parameters of the request that an interaction stands for. */
export const formOf = (interaction: Interaction): Form => createForm(interaction.parameters)
