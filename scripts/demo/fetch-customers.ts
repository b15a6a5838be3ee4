import { customersUrl } from './api.ts'
import type { Customer } from './customers.ts'
import { reasonOf } from './problem.ts'

/** What a call of the API gave: rows, or why there are none. */
export interface CustomersAnswer {
  /** The HTTP status; `undefined` when no answer came. */
  readonly status: number | undefined
  readonly customers: readonly Customer[]
  readonly problem: string | undefined
}

/** Calls the API with an access token, as an app would; never throws. */
export async function fetchCustomers(apiUrl: string, accessToken: string, top = 10): Promise<CustomersAnswer> {
  try {
    const answer = await fetch(customersUrl(apiUrl, top), {
      headers: { authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(5000),
    })
    const body = (await answer.json()) as { value?: Customer[]; error?: { code: string; message: string } }
    const problem = answer.ok
      ? undefined
      : `${body.error?.code ?? 'error'}: ${body.error?.message ?? 'no reason given'}`
    return { status: answer.status, customers: body.value ?? [], problem }
  } catch (error) {
    return { status: undefined, customers: [], problem: `no answer from the API: ${reasonOf(error)}` }
  }
}
