/** Figures that no script shows, and why: id, what, reason. */
export const NOT_CARRIED_OUT: readonly (readonly [id: string, what: string, reason: string])[] = [
  [
    'R-13',
    'a million requests',
    'two cores answer 400 to 600 of them a second, which takes forty minutes and more; the short form sends the same 10,000 at each change',
  ],
  [
    'R-15',
    '2,000 sign-ins at once',
    'R-22 holds a flood of 150, in its long form 500, against the limits; test/attacks/web/denial-of-service.ts counts who is turned away',
  ],
  [
    'R-23',
    'mail server or relying party down',
    'Tessera sends no mail; apps that do not answer a logout notice for a day are in test/sign-in/logout/oidc-back-channel-logout.ts',
  ],
]
