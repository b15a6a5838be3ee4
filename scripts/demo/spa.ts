import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'
import { LISTEN_HOST } from './addresses.ts'
import { customersUrl } from './api.ts'

const PAGES = fileURLToPath(new URL('spa/', import.meta.url))
const SHARED = fileURLToPath(new URL('.', import.meta.url))
const OIDC_CLIENT = join(dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json')), 'dist/browser')

export interface SpaOptions {
  readonly port: number
  /** The app's own origin, as the browser knows it. */
  readonly url: string
  readonly issuer: string
  readonly clientId: string
  /** Everything to ask for, space-delimited. */
  readonly scope: string
  readonly apiUrl: string
}

const headers = ({ issuer, apiUrl }: SpaOptions): Record<string, string> => ({
  'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${new URL(issuer).origin} ${apiUrl}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
})

/** Starts the server of the single-page app: static files, and the settings that the page starts from. */
export async function startSpa(options: SpaOptions): Promise<{ close(): Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(fastifyStatic, { root: PAGES, cacheControl: false })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers(options))
  })

  app.get('/demo.css', (_request, reply) => reply.sendFile('demo.css', SHARED))
  app.get('/oidc-client-ts.js', (_request, reply) => reply.sendFile('oidc-client-ts.min.js', OIDC_CLIENT))
  app.get('/settings.json', async () => ({
    authority: options.issuer,
    clientId: options.clientId,
    redirectUri: `${options.url}/`,
    scope: options.scope,
    apiUrl: customersUrl(options.apiUrl, 10),
  }))

  await app.listen({ port: options.port, host: LISTEN_HOST })
  return app
}
