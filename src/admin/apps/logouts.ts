import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { LogoutDelivery } from '../../store/repositories/sessions/logout-deliveries.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from './apps.ts'

const timeOf = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : isoTime(milliseconds)

const stateOf = ({ deliveredAt, givenUpAt }: LogoutDelivery) =>
  deliveredAt !== undefined ? 'delivered' : givenUpAt !== undefined ? 'given up' : 'waiting'

/** That an app is told of a sign-out, and how that went. @param login of whoever signed out; nothing where they are forgotten */
const showLogout = (delivery: LogoutDelivery, login: string | undefined) => ({
  id: delivery.id,
  app: delivery.applicationUri,
  user: login ?? delivery.userId ?? null,
  session: delivery.sid,
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
  unit: Pick<Repositories, 'apps' | 'users' | 'logoutDeliveries'>,
  applicationUri: string,
  query: PageQuery,
): Promise<Page<ShownLogout>> {
  await requireApp(unit, applicationUri)
  const fetch = (wanted: PageQuery) => unit.logoutDeliveries.page(applicationUri, wanted)
  const { items, next } = await readPage(query, fetch, ({ id }) => id)
  const logins = await unit.users.loginsOf(items.flatMap(({ userId }) => userId ?? []))
  return { items: items.map((one) => showLogout(one, logins.get(one.userId ?? ''))), next }
}
