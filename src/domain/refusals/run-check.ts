/** Runs one check of a row: the server just runs it, an explanation takes a note of how it went. */
export type Follow = <T>(name: string, check: () => T | Promise<T>) => Promise<T>

/** What the server does with a row of checks: the first that fails ends it. */
export const justRun: Follow = async (_name, check) => check()
