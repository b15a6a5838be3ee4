import type { Kysely } from 'kysely'
import type { Granted } from '../../../domain/access/authorization.ts'
import { toScope } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'

/** Under which epochs, and in which sign-in session, somebody is about to grant an app something. */
export type GrantBasis = Pick<Granted, 'applicationUri' | 'userId' | 'appEpoch' | 'userEpoch' | 'sessionEpoch'> & {
  readonly signIn: Pick<Granted['signIn'], 'sid'>
}

export type Grants = ReturnType<typeof grantsOn>

/** What everything that is granted hangs on. */
export function grantsOn(db: Kysely<Schema>) {
  return {
    /**
     * Whether everything is still as it was when it was checked; asked in the unit of work that grants something.
     * @param consent what the person must have allowed the app
     */
    async mayGrant(basis: GrantBasis, consent: readonly string[]): Promise<boolean> {
      const { applicationUri, userId } = basis
      const row = await db
        .selectFrom(['trusted_applications as app', 'users as person', 'sign_in_sessions as session'])
        .select('person.grants_epoch')
        .select((eb) =>
          eb
            .selectFrom('consents')
            .select('consents.scope')
            .where('consents.user_id', '=', userId)
            .where('consents.application_uri', '=', applicationUri)
            .as('allowed'),
        )
        .select((eb) =>
          eb
            .selectFrom('session_epochs')
            .select('session_epochs.epoch')
            .where('session_epochs.application_uri', '=', applicationUri)
            .where('session_epochs.user_id', '=', userId)
            .as('session_epoch'),
        )
        .where('app.application_uri', '=', applicationUri)
        .where('app.epoch', '=', basis.appEpoch)
        .where('app.is_enabled', '=', 1)
        .where('person.id', '=', userId)
        .where('person.epoch', '=', basis.userEpoch)
        .where('person.is_enabled', '=', 1)
        .where('session.sid', '=', basis.signIn.sid)
        .where('session.ended_at', 'is', null)
        .executeTakeFirst()
      if (!row || (row.session_epoch ?? 0) + row.grants_epoch !== basis.sessionEpoch) return false
      const allowed = toScope(row.allowed ?? '')
      return consent.every((item) => allowed.includes(item))
    },
  }
}
