import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { SignInFacts } from '../../domain/access/authorization.ts'
import type { Flag } from './schema.ts'

export const toFlag = (value: boolean): Flag => (value ? 1 : 0)
/** A text for the operator, as every database can keep it: PostgreSQL knows no NUL. */
export const keepable = (text: string): string => text.replaceAll('\0', '\ufffd')

export const toScope = (text: string): string[] => text.split(' ').filter((scope) => scope !== '')

/** The columns that tell how somebody signed in. */
export const fromSignIn = ({ sid, authTime, amr, acr }: SignInFacts) => ({
  sid,
  auth_time: authTime,
  amr: amr.join(' '),
  acr,
})

/** @see fromSignIn */
export const toSignIn = (row: { sid: string; auth_time: number; amr: string; acr: string }): SignInFacts => ({
  sid: row.sid,
  authTime: row.auth_time,
  amr: row.amr.split(' '),
  acr: row.acr,
})

/** Whether a column holds a text somewhere, letter case aside; SQLite would read a pattern up to its first NUL. */
export function holding(column: string, text: string): RawBuilder<SqlBool> {
  const literal = text
    .toLowerCase()
    .replaceAll('\0', '\uffff')
    .replace(/[\\%_]/g, '\\$&')
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${`%${literal}%`} escape '\\'`
}
