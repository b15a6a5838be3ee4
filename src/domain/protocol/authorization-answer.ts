/** How an answer of the authorization endpoint travels back to the app: by a redirect, or by a form the browser posts. */
export type AuthorizationAnswer =
  | { readonly kind: 'redirect'; readonly url: string }
  | {
      readonly kind: 'form_post'
      readonly redirectUri: string
      readonly parameters: Readonly<Record<string, string>>
    }
