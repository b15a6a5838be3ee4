/** Loads a value once and keeps it; a load that failed is forgotten, so that the next call tries again. */
export function remember<T>(load: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  return () => {
    kept ??= load().catch((error: unknown) => {
      kept = undefined
      throw error
    })
    return kept
  }
}
