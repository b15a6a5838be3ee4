import type { ApiResource } from '../../domain/access/api-resource.ts'
import type { ApiScope } from '../../domain/access/api-scope.ts'
import { type ResourceSite, USUAL_SITE_TYPE } from '../../domain/access/resource-site.ts'
import { EXPECTED_TEXTS, type NamesByLanguage, readNames } from '../../domain/apps/names-by-language.ts'
import { nameFrom } from '../../domain/records/readable-name.ts'
import { type Complain, complaintsOf, refuseUnknown, textOf } from '../schema/fields.ts'
import type { FileRecord, Suggest } from '../schema/records.ts'
import { RESOURCE_FIELDS, SCOPE_FIELDS } from '../schema/resource-fields.ts'
import { isRecord } from '../schema/source.ts'
import { type Read, type Reading, readFlag } from './read-app.ts'

/** An API resource as a file wants it. */
export interface WantedResource {
  readonly record: FileRecord
  readonly resource: ApiResource
}

/** Reads an API resource; an attribute that is left out has its default. */
export function readResource(record: FileRecord, { suggest }: Reading): Read<WantedResource> {
  const { complain, faults } = complaintsOf(record)
  const { fields, id } = record
  refuseUnknown(fields, Object.keys(RESOURCE_FIELDS), suggest, complain)
  const name = fields['Name'] === undefined ? nameFrom(id) : textOf(fields['Name'], 'text')
  if (name === undefined) complain('Name', 'expects a text; put it in quotes')
  const localizedNames = readTexts(fields['LocalizedNames'], (reason) => complain('LocalizedNames', reason))
  const scopes = readScopes(fields['Scopes'], suggest, complain)
  const servers = textOf(fields['ResourceServers'] ?? null, RESOURCE_FIELDS.ResourceServers.form)
  if (servers === undefined)
    complain('ResourceServers', 'expects ApplicationUris: a list, or one text separated by spaces')
  const resourceServers = servers?.split(' ').filter((uri) => uri !== '') ?? []
  const isOpen = readFlag(fields['OpenToSelfRegistered'], 'OpenToSelfRegistered', complain)
  const site = readSite(fields, complain)
  const resource = {
    identifier: id,
    name: name || id,
    localizedNames,
    scopes,
    resourceServers,
    openToSelfRegistered: isOpen ?? false,
    ...(site ? { site } : {}),
  }
  return { wanted: { record, resource }, faults }
}

function readSite(fields: FileRecord['fields'], complain: Complain): ResourceSite | undefined {
  const [type, url] = (['SiteType', 'SiteUrl'] as const).map((name) => {
    const text = textOf(fields[name] ?? null, 'text')
    if (text === undefined) complain(name, 'expects a text; put it in quotes')
    return text ?? ''
  })
  const properties = fields['SiteProperties'] ?? {}
  if (!isRecord(properties) || !Object.values(properties).every((value) => typeof value === 'string')) {
    complain('SiteProperties', 'expects texts by name')
    return undefined
  }
  if (url) return { type: type || USUAL_SITE_TYPE, url, properties: properties as Record<string, string> }
  for (const name of ['SiteType', 'SiteProperties'] as const)
    if (fields[name] !== undefined && fields[name] !== null) complain(name, 'needs a SiteUrl beside it')
  return undefined
}

function readScopes(value: unknown, suggest: Suggest, complain: Complain): ApiScope[] {
  if (value === undefined || value === null) return []
  const scopes = Array.isArray(value) ? value.map((entry) => readScope(entry, suggest, complain)) : [undefined]
  const readable = scopes.filter((scope) => scope !== undefined)
  if (readable.length < scopes.length)
    complain('Scopes', 'expects a list of names, or of entries of Name and Description')
  return readable
}

function readScope(entry: unknown, suggest: Suggest, complain: Complain): ApiScope | undefined {
  if (typeof entry === 'string') return { name: entry, description: undefined }
  if (!isRecord(entry)) return undefined
  refuseUnknown(entry, Object.keys(SCOPE_FIELDS), suggest, (name, reason) => complain('Scopes', `${name} ${reason}`))
  const { Name: name, Description: description = null } = entry
  const text = textOf(description, 'text')
  if (typeof name !== 'string' || text === undefined) return undefined
  const textsOf = (attribute: 'LocalizedNames' | 'LocalizedDescriptions'): NamesByLanguage =>
    readTexts(entry[attribute], (reason) => complain('Scopes', `${attribute} of ${name}: ${reason}`))
  return {
    name,
    description: text || undefined,
    localizedNames: textsOf('LocalizedNames'),
    localizedDescriptions: textsOf('LocalizedDescriptions'),
  }
}

function readTexts(given: unknown, complain: (reason: string) => void): NamesByLanguage {
  const texts = readNames(given ?? {})
  if (texts === undefined) complain(EXPECTED_TEXTS)
  return texts ?? {}
}
