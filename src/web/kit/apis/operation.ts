import { type TSchema, Type } from 'typebox'

/** An answer that was refused. @see RFC 9457 */
const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  instance: Type.String({ description: 'where to read about the refusal' }),
  errors: Type.Optional(Type.Array(Type.Object({ attribute: Type.String(), reason: Type.String() }))),
  refusal_id: Type.String(),
})

/** Parts of addresses that vary, as the descriptions of the APIs tell them. */
export const APPLICATION_URI = 'the ApplicationUri, URL-encoded, with slashes as %2F'
export const USER = 'the id, the login or the e-mail address of the user'

/** What every route may answer instead. */
const PROBLEMS = {
  '4xx': { description: 'Problem details', content: { 'application/problem+json': { schema: Problem } } },
  '5xx': { description: 'Problem details', content: { 'application/problem+json': { schema: Problem } } },
} as const

const PRECONDITION = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'the ETag as it was read, or *' })),
})

interface Operation {
  readonly id: string
  readonly summary: string
  /** Under which heading the description of the API lists it. */
  readonly tag: string
  readonly answer: Readonly<Record<number, TSchema>>
  readonly body?: TSchema
  readonly query?: TSchema
  /** The parts of the address that vary, and what each is. */
  readonly params?: Readonly<Record<string, string>>
  /** A change of a record, which is meant for one state of it. */
  readonly conditional?: true
}

/** The schema of a route: what it takes, what it answers, and how the description of the API names it. */
export const operation = ({ id, summary, tag, answer, body, query, params, conditional }: Operation) => ({
  operationId: id,
  summary,
  tags: [tag],
  ...(conditional && body ? { consumes: ['application/merge-patch+json', 'application/json'] } : {}),
  ...(body ? { body } : {}),
  ...(query ? { querystring: query } : {}),
  ...(conditional ? { headers: PRECONDITION } : {}),
  ...(params
    ? {
        params: Type.Object(
          Object.fromEntries(Object.entries(params).map(([name, description]) => [name, Type.String({ description })])),
        ),
      }
    : {}),
  response: { ...answer, ...PROBLEMS },
})

/** The answer of what has nothing to tell. */
export const NOTHING = Type.Null({ description: 'Done' })
