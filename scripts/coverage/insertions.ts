/** Text that is put into a source; nothing is taken away, so that lines keep their numbers. */
export interface Insertion {
  readonly at: number
  readonly text: string
}

/** @param insertions in the order in which a walk through the tree met them: at one place, the outer opens first and closes last */
export function insertAll(source: string, insertions: readonly Insertion[]): string {
  const ordered = insertions.toSorted((one, other) => one.at - other.at)
  let [text, from] = ['', 0]
  for (const { at, text: inserted } of ordered) {
    text += source.slice(from, at) + inserted
    from = at
  }
  return text + source.slice(from)
}

/** @param head what stands before everything else, on the first line that is not `#!` */
export function insertWithHead(source: string, head: string, insertions: readonly Insertion[]): string {
  const at = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0
  return insertAll(source, [{ at, text: head }, ...insertions])
}
