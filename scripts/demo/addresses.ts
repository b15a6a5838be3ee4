/** A part of the demo that listens on a port of its own. */
export type Part = 'identity' | 'web' | 'spa' | 'api'

export type Ports = Readonly<Record<Part, number>>

/** Where everything is found; URLs say `localhost`, because that is what the redirect URIs of the story say. */
export interface Addresses {
  readonly issuer: string
  readonly ready: string
  readonly web: string
  readonly spa: string
  readonly api: string
}

/** Loopback only; IPv4, because every system has it, and a browser that tries ::1 first is refused at once and falls back. */
export const LISTEN_HOST = '127.0.0.1'

const origin = (port: number): string => `http://localhost:${port}`

/** The URLs of the demo's parts on these ports. */
export const addressesOn = (ports: Ports): Addresses => ({
  issuer: `${origin(ports.identity)}/id`,
  ready: `${origin(ports.identity)}/health/ready`,
  web: origin(ports.web),
  spa: origin(ports.spa),
  api: origin(ports.api),
})
