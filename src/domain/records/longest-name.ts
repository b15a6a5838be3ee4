/** The longest name by which a record can be found: a login or an e-mail, an Identifier, an ApplicationUri. */
export const LONGEST_NAME = 256
