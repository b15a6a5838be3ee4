/** Asks for each thing once, however many others name it. */
export function onceEach<T>(find: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>()
  return (key) => {
    const known = asked.get(key) ?? find(key)
    asked.set(key, known)
    return known
  }
}
