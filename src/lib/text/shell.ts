/** A word as a POSIX shell takes it, whatever it holds: parts of a printed command come from strangers' requests. */
export const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:,@%+-][A-Za-z0-9_./:=,@%+-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
