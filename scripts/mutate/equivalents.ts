/** A mutant that behaves as the source does, so that no test can notice it. */
interface Equivalent {
  readonly file: string
  /** Part of the line on which it stands. */
  readonly line: string
  readonly was: string
  readonly is: string
  readonly why: string
}

export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/oauth/tokens/lookup/read-notices.ts',
    line: "after: after ?? ''",
    was: "after ?? ''",
    is: 'after',
    why: 'where the expression matches, each of its groups is a text',
  },
  {
    file: 'src/oauth/tokens/lookup/verify-own-jwt.ts',
    line: 'error.payload.nbf ?? 0',
    was: 'error.payload.nbf ?? 0',
    is: 'error.payload.nbf',
    why: 'the fault is told of a token that has the claim',
  },
  {
    file: 'src/oauth/tokens/keys/signing-keys.ts',
    line: 'if (!key) throw new Error',
    was: '!key',
    is: 'false',
    why: 'there is a key, as one was just made',
  },
  {
    file: 'src/oauth/tokens/lookup/check-token-active.ts',
    line: "const family = origin.kind === 'family'",
    was: "origin.kind === 'family'",
    is: 'true',
    why: 'the token of a service names no family, so that none is found',
  },
  {
    file: 'src/store/repositories/apps/app-rows.ts',
    line: 'label: secret.label ?? null',
    was: 'secret.label ?? null',
    is: 'secret.label',
    why: 'a column that is left out is null as well',
  },
  {
    file: 'src/store/repositories/instance/audit-events.ts',
    line: 'record.user ?? null',
    was: 'record.user ?? null',
    is: 'record.user',
    why: 'a column that is left out is null as well',
  },
  {
    file: 'src/store/repositories/apps/trusted-applications.ts',
    line: ".where('sealed_secret', 'is not', null)",
    was: ".where('sealed_secret', 'is not', null)",
    is: 'left out',
    why: 'what is null already is set to null',
  },
]
