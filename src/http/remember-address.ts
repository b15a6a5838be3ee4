import type { Server } from 'node:http'

/** Notes where a connection comes from while it is open: with the connection Node forgets it, and the journals ask later. */
export function rememberAddress(server: Server): void {
  server.on('connection', (socket) => void socket.remoteAddress)
}
