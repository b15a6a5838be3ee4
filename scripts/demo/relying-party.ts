import * as client from 'openid-client'
import { remember } from './remember.ts'

export interface RelyingPartyOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** Discovers the server when first needed, and again when that failed. */
export const createRelyingParty = ({
  issuer,
  clientId,
  clientSecret,
}: RelyingPartyOptions): (() => Promise<client.Configuration>) =>
  remember(() =>
    client.discovery(new URL(issuer), clientId, {}, client.ClientSecretBasic(clientSecret), {
      // Plain http is good enough on loopback; the ID token's signature is checked because there is no TLS to vouch for it.
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
      timeout: 10,
    }),
  )
