import type { Proof } from '../../domain/access/proof.ts'
import type { Acr } from '../../domain/protocol/acr.ts'
import type { Amr } from '../../domain/protocol/amr.ts'
import type { Form } from '../../domain/protocol/form.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { User } from '../../domain/users/user.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Origin } from '../throttle/throttle.ts'

/** Why somebody was not signed in; the reason is for the operator alone. */
export interface SignInFailure {
  readonly user: undefined
  readonly rule: RefusalRule
  readonly cause: string
  readonly userId?: string | undefined
  /** Until when it is no use to try again, milliseconds since 1970. */
  readonly until?: number
  /** Whether from now on it must be waited. */
  readonly locks?: boolean
}

/** Who signed in, or why not. */
export type SignInResult = { readonly user: User } | SignInFailure

/** One way to sign in: what it is called, what it tells apps, and how it tells who somebody is. It knows neither HTTP nor sessions. */
export interface SignInMethod {
  readonly name: string
  /** @see RFC 8176 */
  readonly amr: readonly Amr[]
  /** Every ID token states one, so every method has one. */
  readonly acr: Acr
  /** @param sent what the page of the method has submitted */
  verify(sent: Form, origin: Origin): Promise<SignInResult>
}

export type SignInMethods = ReturnType<typeof createSignInMethods>

/** Holds the ways to sign in that the server offers; what one has verified becomes a proof here, and nowhere else. */
export function createSignInMethods(methods: readonly SignInMethod[], clock: Clock) {
  const byName = new Map(methods.map((method) => [method.name, method]))
  return {
    /**
     * Proves a person by the method with this name.
     * @throws Error when there is no such method; whatever the method throws
     */
    async prove(name: string, sent: Form, origin: Origin): Promise<Proof | SignInFailure> {
      const method = byName.get(name)
      if (!method) throw new Error(`there is no sign-in method ${name}`)
      const result = await method.verify(sent, origin)
      return result.user ? { user: result.user, amr: method.amr, acr: method.acr, at: clock() } : result
    },
  }
}
