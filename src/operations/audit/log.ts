/** The part of the log that journals write to. */
export interface JournalLog {
  info(record: object, message: string): void
  error(record: object, message: string): void
}
