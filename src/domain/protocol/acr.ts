/** Authentication context classes, from weaker to stronger; every ID token states one. @see OIDC Core §2, §15.1 */
export const ACR_VALUES = ['urn:tessera:pwd', 'urn:tessera:mfa'] as const

export type Acr = (typeof ACR_VALUES)[number]

export const ACR_PASSWORD = ACR_VALUES[0]
