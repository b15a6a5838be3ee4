/** The part of the log of the server that the audit and the refusal log write to. */
export interface ServerLog {
  info(record: object, message: string): void
  error(record: object, message: string): void
}
