/** Gathers the values of a flag that may be repeated. */
export const repeated = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value]
