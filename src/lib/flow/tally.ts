/** Counts things by what is said of each; whoever counts sees to it that this is one of few. */
export function createTally<Name extends string>() {
  const counted = new Map<string, { readonly labels: Readonly<Record<Name, string>>; count: number }>()
  return {
    count(labels: Readonly<Record<Name, string>>): void {
      const key = JSON.stringify(Object.values(labels))
      const known = counted.get(key)
      if (known) known.count += 1
      else counted.set(key, { labels, count: 1 })
    },
    list: () => [...counted.values()],
  }
}
