import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Fault, Refused } from '../../../domain/refusals/errors.ts'
import { didYouMean } from '../../../domain/refusals/nearest.ts'
import { boundedJsonParser } from './json-parser.ts'

const MOST_FAULTS = 20
const LONGEST_NAME = 64
// Bytes: an app with many redirect URIs and keys.
const LARGEST_BODY = 256 * 1024

/**
 * Reads JSON bodies in this part of the server, and validates bodies and queries by their schema.
 * The `description` of a member completes the sentence "expects ...".
 */
export function registerJsonBody(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  const types = ['application/json', 'application/merge-patch+json']
  server.addContentTypeParser(
    types,
    { parseAs: 'buffer', bodyLimit: LARGEST_BODY },
    boundedJsonParser(
      server,
      (fault) => new Refused('invalid_request', fault, { rule: 'json-malformed', cause: fault }),
    ),
  )
  server.setValidatorCompiler(compileValidator)
}

type Members = Readonly<Record<string, { readonly description?: string }>>

/** Everything wrong with a body is told at once, each member by its name; values are never repeated. */
const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const members = (schema as { readonly properties?: Members }).properties ?? {}
  const whole = httpPart === 'querystring' ? 'the query' : 'the body'
  return (value: unknown) => {
    if (validator.Check(value)) return { value }
    const found = validator.Errors(value).flatMap((error) => faultsIn(error, members))
    const faults = [...new Map(found.reverse().map((fault) => [fault.attribute, fault])).values()].reverse()
    const description =
      faults.length === 0
        ? `${whole} must be a JSON object`
        : `${whole} is wrong in: ${faults.map(({ attribute }) => attribute).join(', ')}`
    const told = faults.map(({ attribute, reason }) => `${attribute}: ${reason}`)
    const why = { rule: 'members-wrong', cause: description, faults: told } as const
    return { error: new Refused('invalid_request', description, why, { faults: faults.slice(0, MOST_FAULTS) }) }
  }
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
}

function faultsIn({ keyword, instancePath, params }: SchemaError, members: Members): Fault[] {
  const known = (name: string): boolean => Object.hasOwn(members, name)
  const expected = (name: string): string => (known(name) && members[name]?.description) || 'another value'
  const { additionalProperties = [], requiredProperties = [] } = params as Record<string, readonly string[] | undefined>
  const [, member = ''] = instancePath.split('/')
  if (member !== '') return known(member) ? [{ attribute: member, reason: `expects ${expected(member)}` }] : []
  if (keyword === 'required') {
    return requiredProperties.map((name) => ({ attribute: name, reason: `is required: ${expected(name)}` }))
  }
  if (keyword !== 'additionalProperties') return []
  return additionalProperties.slice(0, MOST_FAULTS).map((sent) => {
    const name = sent.slice(0, LONGEST_NAME)
    return { attribute: name, reason: `cannot be set here${didYouMean(name, Object.keys(members))}` }
  })
}
