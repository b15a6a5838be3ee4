import type { Answer } from '../../../test/fixtures/clients/http.ts'
import { familiesWithTwoTips, integrityOf } from './database.ts'
import { type Family, type Journal, spentTwice } from './journal.ts'
import type { Run } from './run.ts'
import type { Site } from './site.ts'

/** What a server must never do, and how often it did. */
export interface Breaches {
  /** Acknowledged, and gone. */
  missing: number
  /** Revoked, and alive again. */
  revived: number
  /** A spent refresh token that counts as active. */
  unspent: number
  /** Families looked at. */
  looked: number
}

export const noBreaches = (): Breaches => ({ missing: 0, revived: 0, unspent: 0, looked: 0 })

const isActive = ({ status, json, text }: Answer): boolean => {
  if (status !== 200) throw new Error(`introspection answered ${status}: ${text}`)
  return json['active'] === true
}

const AT_ONCE = 8

async function inParallel<T>(list: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const next = async (): Promise<void> => {
    for (let each = rest.shift(); each !== undefined; each = rest.shift()) await work(each)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}

/** Asks the server about families, and counts what contradicts what it acknowledged; whatever is in doubt may be either way. */
export async function holdAgainst(run: Run, families: readonly Family[], breaches: Breaches): Promise<void> {
  await inParallel(families, async ({ party, tokens, spent, revoked, inDoubt }) => {
    breaches.looked++
    const access = isActive(await party.introspect(tokens.access_token))
    const refresh = isActive(await party.introspect(tokens.refresh_token))
    if (revoked && (access || refresh)) {
      breaches.revived++
      run.say(`revoked, and alive: access ${access}, refresh ${refresh}`)
    }
    if (!revoked && inDoubt === undefined && !(access && refresh)) {
      breaches.missing++
      run.say(`acknowledged, and gone: access ${access}, refresh ${refresh}`)
    }
    const last = spent.at(-1)
    if (last !== undefined && isActive(await party.introspect(last))) {
      breaches.unspent++
      run.say('a spent refresh token is active')
    }
  })
}

/**
 * Uses up codes and revoked tokens once more, which must be refused; destroys what grew from them, so it comes last.
 * @returns how many were accepted
 */
export async function spendAgain(run: Run, families: readonly Family[]): Promise<number> {
  let accepted = 0
  await inParallel(families, async ({ party, code, tokens, revoked }) => {
    const answers = [await party.redeem(code), ...(revoked ? [await party.refresh(tokens.refresh_token)] : [])]
    for (const { status, text } of answers) {
      if (status === 400) continue
      accepted++
      run.say(`once more, and not refused: ${status} ${text.slice(0, 200)}`)
    }
  })
  return accepted
}

/** The newest of a list, at most so many. */
export const newest = <T>(list: readonly T[], most: number): readonly T[] => list.slice(-most)

/** The figures that no fault may change. */
export async function checkPromises(run: Run, site: Site, journal: Journal, breaches: Breaches): Promise<void> {
  const again = await spendAgain(run, newest(journal.families, 100))
  run.told('acknowledged answers', journal.acknowledged)
  run.none('codes and refresh tokens spent twice', spentTwice(journal) + (await familiesWithTwoTips(site)))
  run.none('acknowledged writes missing', breaches.missing)
  run.none('revoked tokens active again', breaches.revived)
  run.none('spent tokens accepted again', breaches.unspent + again)
  run.that('integrity_check ok', (await integrityOf(site)) === 'ok')
}
