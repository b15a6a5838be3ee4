import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyAccepts from '@fastify/accepts'
import fastifyStatic from '@fastify/static'
import fastifyView from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../../lib/time/clock.ts'
import { type Brand, keepBrandFresh } from './brand.ts'
import { type Locale, loadMessages, type Messages, type Translate } from './messages.ts'
import { createPageLanguages } from './page-language.ts'
import { contentSecurityPolicy, type PageReach } from './response-headers.ts'

/** One page to show. */
export interface Page extends PageReach {
  readonly template:
    | 'login'
    | 'confirm'
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
  /** Where it can be had again in another language, below the issuer, where that is not its own address; `null` for a page that moves on. */
  readonly place?: string | null | undefined
  /** What the template shows, given the texts in the reader's language. */
  readonly data: (t: Translate, has: Messages['has'], locale: Locale) => Record<string, unknown>
}

export type RenderPage = (request: FastifyRequest, reply: FastifyReply, page: Page) => FastifyReply

interface Options {
  /** The folder `templates/`. */
  readonly templates: string
  /** Path of the issuer, such as `/id`. */
  readonly base: string
  /** What people call this instance. */
  readonly instanceName: string
  readonly cookies: Parameters<typeof createPageLanguages>[0]['cookies']
  readonly clock: Clock
  readonly brand: Brand
}

/** Registers templates and assets, and returns the way pages are rendered: in the reader's language, under a policy as tight as the page allows. */
export async function registerPages(
  server: FastifyInstance,
  { templates, base, instanceName, cookies, clock, brand }: Options,
): Promise<RenderPage> {
  keepBrandFresh(server, brand)
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

  const languages = createPageLanguages({ cookies, clock })
  const asset = createAssetAddress(join(templates, 'assets'), `${base}/assets`)

  return (request, reply, { template, status = 200, uiLocales, place, data, ...reach }) => {
    const locale = languages.choose(request, reply, uiLocales)
    const t = messages.translator(locale)
    return reply
      .status(status)
      .header(
        'content-security-policy',
        contentSecurityPolicy({ ...reach, framable: request.routeOptions.config.framable === true }),
      )
      .header('content-language', locale)
      .header('vary', 'Accept-Language')
      .view(template, {
        ...data(t, messages.has, locale),
        languages: place === null ? undefined : languages.links(request, locale, place && `${base}${place}`),
        locale,
        t,
        base,
        asset,
        instance: instanceName,
        brand: brand.shown(),
      })
  }
}

/** Under its hash, so that a browser that has the sheet of another version asks for the new one. */
function createAssetAddress(folder: string, prefix: string): (name: string) => string {
  const hashes = new Map(
    readdirSync(folder).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')
        .slice(0, 12),
    ]),
  )
  return (name) => `${prefix}/${name}?v=${hashes.get(name) ?? ''}`
}
