/** Tells of what is committed. It is done, so whoever fails to be told of it changes nothing, and keeps nobody else from it. */
export function tellAfterwards(runs: readonly (() => void)[]): void {
  for (const run of runs)
    try {
      run()
    } catch {
      // What happened is in the database.
    }
}
