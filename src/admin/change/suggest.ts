import { type Missing, Refused } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import type { Repositories } from '../../store/store.ts'
import { notThere } from './refuse-change.ts'

/** Where records of a similar name are found. */
export type Reading = { readonly [Name in 'users' | 'apps']: Pick<Repositories[Name], 'near'> }

const OTHERWISE: Readonly<Record<Missing['kind'], string>> = {
  user: '; tessera user list shows everybody',
  app: '; tessera app list shows every app',
}

/** Asks whether somebody of a similar login or e-mail was meant. */
export const similarUser = async ({ users }: Pick<Reading, 'users'>, name: string): Promise<string> =>
  didYouMean(name, await users.near(name))

const similarApp = async ({ apps }: Pick<Reading, 'apps'>, name: string): Promise<string> =>
  didYouMean(name, await apps.near(name))

/**
 * Adds to a refusal which record may have been meant in place of one that is not there. It is asked once the unit of work is
 * over, so that nobody who writes waits for it.
 */
export async function withSuggestion(error: unknown, read: Reading): Promise<unknown> {
  if (!(error instanceof Refused) || !error.missing) return error
  const { kind, name } = error.missing
  const similar = kind === 'user' ? similarUser(read, name) : similarApp(read, name)
  // The refusal stands, whatever becomes of the question.
  const more = (await similar.catch(() => '')) || OTHERWISE[kind]
  return notThere(error.faults.map(({ attribute, reason }) => ({ attribute, reason: reason + more })))
}

/** Answers a question, or refuses it with which record may have been meant. @throws Refused */
export const orSuggestion = <T>(read: Reading, question: Promise<T>): Promise<T> =>
  question.catch(async (error: unknown) => {
    throw await withSuggestion(error, read)
  })
