import type { Outbound } from './outbound.ts'

/** Fetches a document as text; anything but a plain success is a failure whose message says so. */
export const createFetchText =
  (outbound: Pick<Outbound, 'get'>, accept: string) =>
  async (uri: string): Promise<string> => {
    const { status, body } = await outbound.get(uri, { accept })
    if (status === 200) return body
    throw new Error(
      `it answered with status ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`,
    )
  }
