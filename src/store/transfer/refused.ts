/** Why nothing was moved, backed up or restored, and what to do; one line. */
export class TransferRefused extends Error {}
