/** Asks for a thing once at a time; whoever names it meanwhile waits for the same answer. */
export function onceAtATime<T>(find: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const pending = new Map<string, Promise<T>>()
  return (key) => {
    const asked = pending.get(key) ?? find(key).finally(() => pending.delete(key))
    pending.set(key, asked)
    return asked
  }
}
