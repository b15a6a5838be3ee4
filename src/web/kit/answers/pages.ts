import { join } from 'node:path'
import fastifyAccepts from '@fastify/accepts'
import fastifyStatic from '@fastify/static'
import fastifyView from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { loadMessages, type Messages, matchLocale, type Translate } from './messages.ts'
import { contentSecurityPolicy, type PageReach } from './response-headers.ts'

/** One page to show. */
export interface Page extends PageReach {
  readonly template:
    | 'login'
    | 'consent'
    | 'form-post'
    | 'logout'
    | 'signing-out'
    | 'signed-out'
    | 'landing'
    | 'check-session'
    | 'error'
  readonly status?: number
  /** `ui_locales` of the request the page belongs to, where that is not the one for the page itself. */
  readonly uiLocales?: string | undefined
  /** What the template shows, given the texts in the reader's language. */
  readonly data: (t: Translate, has: Messages['has']) => Record<string, unknown>
}

export type RenderPage = (request: FastifyRequest, reply: FastifyReply, page: Page) => FastifyReply

interface Options {
  /** The folder `templates/`. */
  readonly templates: string
  /** Path of the issuer, such as `/id`. */
  readonly base: string
  /** What people call this instance. */
  readonly instanceName: string
}

/** Registers templates and assets, and returns the way pages are rendered: in the reader's language, under a policy as tight as the page allows. */
export async function registerPages(
  server: FastifyInstance,
  { templates, base, instanceName }: Options,
): Promise<RenderPage> {
  await server.register(fastifyAccepts)
  await server.register(fastifyView, {
    engine: { eta: new Eta({ views: templates, cache: true }) },
    templates,
    viewExt: 'eta',
  })
  await server.register(fastifyStatic, {
    root: join(templates, 'assets'),
    prefix: `${base}/assets/`,
    cacheControl: false,
    index: false,
    setHeaders: (reply) => {
      reply.setHeader('cache-control', 'public, max-age=3600')
    },
  })
  const messages = loadMessages(join(templates, 'locales'))

  return (request, reply, { template, status = 200, uiLocales, data, ...reach }) => {
    const locale =
      matchLocale((uiLocales ?? uiLocalesOf(request)).split(' ')) ?? matchLocale(request.languages()) ?? 'en'
    const t = messages.translator(locale)
    return reply
      .status(status)
      .header(
        'content-security-policy',
        contentSecurityPolicy({ ...reach, framable: request.routeOptions.config.framable === true }),
      )
      .header('content-language', locale)
      .header('vary', 'Accept-Language')
      .view(template, { ...data(t, messages.has), locale, t, base, instance: instanceName })
  }
}

/** A page about a request that could not be understood still speaks the language it asked for. */
function uiLocalesOf(request: FastifyRequest): string {
  const { ui_locales: asked } = request.query as Readonly<Record<string, unknown>>
  return typeof asked === 'string' ? asked : ''
}
