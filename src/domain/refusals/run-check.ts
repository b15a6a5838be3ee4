/** Runs one check of a row: the server just runs it, an explanation takes a note of how it went. */
export type RunCheck = <T>(name: string, check: () => T | Promise<T>) => Promise<T>

/** What the server does with a row of checks: the first that fails ends it. */
export const runPlainly: RunCheck = async (_name, check) => check()
