import { destinationOf, originOf } from '../protocol/redirect-uri.ts'
import type { TrustedApplication } from './trusted-application.ts'

/** What a page may show of an app. */
export const displayOf = ({ name, logoUri, policyUri, tosUri, selfRegistered }: TrustedApplication) => ({
  name,
  selfRegistered,
  logoUri,
  policyUri,
  tosUri,
})

/** What a page about an app may reach: the app itself, where its form leads in the end, and its logo. */
export function reachOf(app: TrustedApplication, redirectUri: string) {
  const logo = app.logoUri === undefined ? undefined : originOf(app.logoUri)
  return { formTargets: [destinationOf(redirectUri)], images: logo === undefined ? [] : [logo] }
}
