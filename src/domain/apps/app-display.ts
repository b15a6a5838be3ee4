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

/** The same where somebody is about to sign in: what nobody vouched for shows no picture of its own there, and learns of nobody's visit. */
export const beforeSignIn = (app: TrustedApplication): TrustedApplication =>
  app.selfRegistered ? { ...app, logoUri: undefined } : app

/** What a page about an app may reach: the app itself, where its form leads in the end, and its logo. */
export function reachOf(app: TrustedApplication, redirectUri: string) {
  const logo = app.logoUri === undefined ? undefined : originOf(app.logoUri)
  return { formTargets: [destinationOf(redirectUri)], images: logo === undefined ? [] : [logo] }
}
