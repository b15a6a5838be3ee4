import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { SettingsChange } from '../../admin/change/instance-settings.ts'
import type { ManageSettings } from '../../admin/change/manage-settings.ts'
import { INSTANCE_SETTINGS } from '../../domain/instance/instance-settings.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'
import { readIfMatch, sendTagged, tagged } from '../kit/requests/preconditions.ts'

const tag = 'settings'

const Setting = Type.Object({
  name: Type.String(),
  kind: Type.String({ enum: ['instance', 'process'] }),
  value: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'what is in force; nothing of a secret',
  }),
  from: Type.String({ enum: ['database', 'environment', 'config file', 'default'] }),
  default: Type.String(),
  expects: Type.Optional(Type.String({ description: 'what a setting of the instance may be' })),
  meaning: Type.String(),
})
const Settings = Type.Object({ items: Type.Array(Setting) })

type Patch = Readonly<Record<string, string | number | null>>

const SettingsPatch = Type.Object(
  Object.fromEntries(
    Object.entries(INSTANCE_SETTINGS).map(([name, { expects }]) => [
      name,
      Type.Optional(Type.Unsafe<Patch[string]>({ type: ['string', 'integer', 'null'], description: expects })),
    ]),
  ),
  // What no setting is called is refused by the rule of settings, which knows what was meant.
  { additionalProperties: true },
)

const textsOf = (patch: Patch): SettingsChange =>
  Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, value === null ? null : String(value)]))

const ROUTES = {
  list: operation({
    id: 'listSettings',
    tag,
    summary: 'List every setting with its value and where that comes from',
    answer: { 200: Settings, 304: NOTHING },
  }),
  patch: operation({
    id: 'updateSettings',
    tag,
    summary: 'Change settings of the instance; null restores the default',
    body: SettingsPatch,
    conditional: true,
    answer: { 200: Settings },
  }),
}

/** Settings, for administrators: those of the instance to change, those of the process to read. */
export async function manageSettingsEndpoint(
  server: FastifyInstance,
  { settings }: { readonly settings: ManageSettings },
): Promise<void> {
  server.get('/settings', { schema: ROUTES.list }, async (request, reply) =>
    sendTagged(request, reply, await settings.list()),
  )

  server.patch<{ Body: Patch }>('/settings', { schema: ROUTES.patch }, async (request, reply) => {
    const expected = readIfMatch(request)
    const { record, version } = await settings.patch(textsOf(request.body), expected, administratorOf(request))
    return tagged(reply, version).send(record)
  })
}
