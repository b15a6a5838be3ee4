/**
 * How many there are, as people say it: `1 row`, `2 rows`.
 * @param one what one is called; several have an s behind it, unless `several` says what
 */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`
