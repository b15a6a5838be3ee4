import { existsSync, readFileSync, realpathSync, statfsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** The file of SQLite is, or would be, where other machines see it too: its locks and its memory of the log end at this machine. */
export class NotLocal extends Error {}

// As Linux tells them apart in statfs(2).
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  12805120: 'Ceph',
  1397113167: 'AFS',
  198183888: 'Lustre',
}
const FUSE = 0x65735546
// Of those that a program serves, the ones that reach over a network; others are as local as what is below them.
const FUSE_NETWORK =
  /^fuse\.(sshfs|glusterfs|s3fs|rclone|gcsfuse|ceph(-fuse)?|davfs2?|curlftpfs|smbnetfs|afpfs|moosefs|mfs\w*|juicefs|goofys)$/

/**
 * Refuses to keep a SQLite database on a network file system.
 * @param path of the file, which may be missing
 * @throws NotLocal
 * @see https://www.sqlite.org/wal.html "all processes using a database must be on the same host"
 */
export function requireLocalDisk(path: string): void {
  const folder = nearestFolder(resolve(path))
  const kind = networkKindOf(folder)
  if (kind === undefined) return
  throw new NotLocal(
    `${path} is on a network file system (${kind}), where SQLite can lose what was acknowledged; ` +
      'set TESSERA_DATA_DIR to a local disk, or use PostgreSQL (TESSERA_DATABASE_URL)',
  )
}

function nearestFolder(path: string): string {
  const parent = dirname(path)
  return existsSync(path) || parent === path ? path : nearestFolder(parent)
}

function networkKindOf(path: string): string | undefined {
  try {
    const type = statfsSync(path).type >>> 0
    if (type !== FUSE) return NETWORK[type]
    const kind = mountedAt(realpathSync(path))
    return kind !== undefined && FUSE_NETWORK.test(kind) ? kind : undefined
  } catch {
    // Whoever opens the file says what is wrong with it.
    return undefined
  }
}

/** Which file system Linux says is mounted there: the innermost mount counts, and of several at one place the last. */
function mountedAt(path: string): string | undefined {
  let found: { readonly at: string; readonly kind: string } | undefined
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, at, kind] = /^(?:\S+ ){4}(\S+) .*? - (\S+) /.exec(line) ?? []
    if (at === undefined || kind === undefined) continue
    const mount = at.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const isAbove = mount === '/' || path === mount || path.startsWith(`${mount}/`)
    if (isAbove && mount.length >= (found?.at.length ?? 0)) found = { at: mount, kind }
  }
  return found?.kind
}
