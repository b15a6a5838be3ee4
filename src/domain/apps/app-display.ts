import { originOf } from '../protocol/redirect-uri.ts'
import { nameIn } from './names-by-language.ts'
import type { TrustedApplication } from './trusted-application.ts'

/** What a page in a language may show of an app. */
export const displayOf = (app: TrustedApplication, language: string) => {
  const { logoUri, policyUri, tosUri, selfRegistered } = app
  return { name: nameIn(app, language), selfRegistered, logoUri, policyUri, tosUri }
}

/** The same where somebody is about to sign in: what nobody vouched for shows no picture of its own there, and learns of nobody's visit. */
export const beforeSignIn = (app: TrustedApplication): TrustedApplication =>
  app.selfRegistered ? { ...app, logoUri: undefined } : app

/** What a page reaches whose form leads to an app in the end: that app, wherever it sends the browser, and its logo. */
export function reachOf({ logoUri }: TrustedApplication) {
  const logo = logoUri === undefined ? undefined : originOf(logoUri)
  return { endsAtApp: true, images: logo === undefined ? [] : [logo] }
}
