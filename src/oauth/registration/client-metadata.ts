import { type AppAttribute, RECORD_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { GROUPS } from '../../domain/apps/attribute-row.ts'
import { MetadataFault } from '../../domain/apps/metadata-kinds.ts'
import { APP_DEFAULTS, type AppRegistration } from '../../domain/apps/trusted-application.ts'

/** A member of client metadata that is kept in the record one to one. */
export interface Member {
  readonly name: string
  /** Whether this server fetches what is at the URL. */
  readonly fetched: boolean
  /** @throws MetadataFault */
  readonly read: (value: unknown) => Partial<AppRegistration>
  /** What an app has that says nothing of it. */
  readonly defaults: Partial<AppRegistration>
  /** `undefined` is left out. */
  readonly show: (app: AppRegistration) => unknown
}

const membersOf = ({ key, metadata, readApart, called, readMetadata, showMetadata }: AppAttribute): Member[] =>
  metadata === undefined || readApart
    ? []
    : [
        {
          name: metadata,
          fetched: called === true,
          read: readMetadata,
          defaults: key in APP_DEFAULTS ? { [key]: APP_DEFAULTS[key as keyof typeof APP_DEFAULTS] } : {},
          show: showMetadata,
        },
      ]

/** What is kept in the record one to one, group by group. @see RFC 7591 §2, OIDC Registration §2 */
export const MEMBERS: readonly Member[] = GROUPS.flatMap((each) =>
  RECORD_ATTRIBUTES.filter(({ group }) => group === each).flatMap(membersOf),
)

/** One thing that is wrong with client metadata, by the name of the member. */
export interface MetadataComplaint {
  readonly name: string
  readonly reason: string
  /** The value could not be read at all, so that what the record has in its place says nothing. */
  readonly isUnread?: true
}

/** Whether metadata speak of a member: `null` and an empty text say as little as nothing at all. @see RFC 7592 §2.2 */
export function isSaid(body: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  return value !== undefined && value !== null && !(typeof value === 'string' && value.trim() === '')
}

/** Reads a member, or has the fallback where nothing is said. */
export function readMember<T>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  read: (value: unknown) => T,
  fallback: T,
  complaints: MetadataComplaint[],
): T {
  if (!isSaid(body, name)) return fallback
  try {
    return read(body[name])
  } catch (error) {
    if (!(error instanceof MetadataFault)) throw error
    complaints.push({ name, reason: error.message, isUnread: true })
    return fallback
  }
}

/** What a member is called whose attribute is at fault. */
export const memberOf = (attribute: string): string =>
  RECORD_ATTRIBUTES.find(({ name }) => name === attribute)?.metadata ?? attribute
