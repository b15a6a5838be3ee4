import type { Delivery } from '../../domain/outbox/delivery.ts'
import { LOGOUT_NOTICE } from '../../domain/outbox/logout-notice.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from './apps.ts'

const timeOf = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : isoTime(milliseconds)

const stateOf = ({ deliveredAt, givenUpAt }: Delivery) =>
  deliveredAt !== undefined ? 'delivered' : givenUpAt !== undefined ? 'given up' : 'waiting'

const userOf = (delivery: Delivery): string | undefined => LOGOUT_NOTICE.payloadOf(delivery).user

/** That an app is told of a sign-out, and how that went. @param login of whoever signed out; nothing where they are forgotten */
const showLogout = (delivery: Delivery, login: string | undefined) => ({
  id: delivery.id,
  app: delivery.destination,
  user: login ?? userOf(delivery) ?? null,
  session: delivery.payload === undefined ? null : LOGOUT_NOTICE.payloadOf(delivery).sid,
  endedAt: isoTime(delivery.createdAt),
  state: stateOf(delivery),
  attempts: delivery.attempts,
  nextAttemptAt: stateOf(delivery) === 'waiting' ? isoTime(delivery.nextAttemptAt) : null,
  deliveredAt: timeOf(delivery.deliveredAt),
  givenUpAt: timeOf(delivery.givenUpAt),
  lastError: delivery.lastError ?? null,
})

export type ShownLogout = ReturnType<typeof showLogout>

/** What an app was told by back-channel logout and is still to be told, the newest first. @throws Refused `not_found` */
export async function showLogouts(
  unit: Pick<Repositories, 'apps' | 'users' | 'outbox'>,
  applicationUri: string,
  query: PageQuery,
): Promise<Page<ShownLogout>> {
  await requireApp(unit, applicationUri)
  const fetch = (wanted: PageQuery) => unit.outbox.page(LOGOUT_NOTICE.name, applicationUri, wanted)
  const { items, next } = await readPage(query, fetch, ({ id }) => id)
  const logins = await unit.users.loginsOf(items.flatMap((one) => userOf(one) ?? []))
  return { items: items.map((one) => showLogout(one, logins.get(userOf(one) ?? ''))), next }
}
