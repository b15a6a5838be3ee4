// SQLite alone: compares documents with the code

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SETTINGS } from '../src/config/settings.ts'
import { showRegistration } from '../src/domain/apps/app-attributes.ts'
import { APP_DEFAULTS } from '../src/domain/apps/trusted-application.ts'
import { INSTANCE_SETTINGS } from '../src/domain/instance/instance-settings.ts'
import { withAttributes } from './fixtures/documents/attributes-page.ts'
import { anchorsOf, documentsBelow, linksOf } from './fixtures/documents/markdown.ts'
import { withSettings } from './fixtures/documents/settings-page.ts'
import { pathOfTest } from './fixtures/documents/test-named.ts'

const root = new URL('../', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8')
const DOCUMENTS = documentsBelow(fileURLToPath(root))
const json = (name: string): Record<string, unknown> => JSON.parse(read(name)) as Record<string, unknown>

await t.test('docs/settings.md lists every setting', async (t) => {
  const page = read('docs/settings.md')
  t.equal(withSettings(page), page, 'npx tsx scripts/settings-page.ts writes it')
  for (const [name, { default: fallback }] of Object.entries(INSTANCE_SETTINGS))
    t.ok(page.includes(`- **\`${name}\`** (\`${fallback}\`): `), name)
  t.match(read('README.md'), /\(docs\/settings\.md\)/, 'and the README leads there')
})

await t.test('docs/coming-from-erp-net.md has every switch', async (t) => {
  const page = read('docs/coming-from-erp-net.md')
  const switches = Object.keys(SETTINGS).filter((name) => name.startsWith('TESSERA_COMPAT_'))
  t.strictSame(
    [...page.matchAll(/^\| `(TESSERA_COMPAT_\w+)=true` \| /gm)].map(([, name]) => name),
    switches,
  )
  t.ok(switches.length > 2)
})

await t.test('docs/apps.md lists every attribute of the record with its default', async (t) => {
  const page = read('docs/apps.md')
  t.equal(withAttributes(page), page, 'npx tsx scripts/attributes-page.ts writes it')
  const rows = new Map(
    [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \| /gm)].map(([, name = '', value = '']) => [name, value]),
  )
  const shown = showRegistration({ ...APP_DEFAULTS, applicationUri: 'a', name: 'a', clientType: 'None' })
  for (const [name, value] of Object.entries(shown)) {
    const isAsked = ['ApplicationUri', 'Name', 'ClientType'].includes(name)
    const fallback = value === null || value === '' ? '–' : `\`${value}\``
    if (isAsked) t.ok(rows.has(name), name)
    else t.equal(rows.get(name), fallback, name)
  }
})

await t.test('no document has a line of more than 140 characters', async (t) => {
  for (const name of DOCUMENTS)
    t.strictSame(
      read(name)
        .split('\n')
        .flatMap((line, index) => ([...line].length > 140 ? [`${name}:${index + 1}: ${line}`] : [])),
      [],
      name,
    )
})

await t.test('every link between documents leads somewhere', async (t) => {
  t.ok(DOCUMENTS.length > 10)
  for (const name of DOCUMENTS)
    for (const target of linksOf(read(name))) {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? name : join(dirname(name), path)
      const found = existsSync(new URL(file, root))
      t.ok(found && (anchor === undefined || anchorsOf(read(file)).has(anchor)), `${name}: ${target}`)
    }
})

await t.test('every direct dependency has its line in DEPENDENCIES.md', async (t) => {
  const { dependencies, optionalDependencies, devDependencies } = json('package.json')
  const text = read('DEPENDENCIES.md')
  for (const name of Object.keys({
    ...(dependencies as object),
    ...(optionalDependencies as object),
    ...(devDependencies as object),
  })) {
    t.match(text, new RegExp(`^\\| .*${name.replace('/', '\\/')}[ ,|]`, 'm'), name)
  }
})

await t.test('versions are exact, and the lockfile vouches for each package', async (t) => {
  const { dependencies, optionalDependencies, devDependencies } = json('package.json')
  const versions = Object.values({ ...(dependencies as object), ...(devDependencies as object) }) as string[]
  // One for each side of Node 22, and nothing between.
  versions.push(...Object.values(optionalDependencies as Record<string, string>).flatMap((pair) => pair.split(' || ')))
  t.ok(versions.every((version) => /^\d+\.\d+\.\d+(-beta\.\d+)?$/.test(version)))
  interface Locked {
    readonly integrity?: string
    readonly optional?: boolean
    readonly link?: boolean
  }
  const packages = json('package-lock.json')['packages'] as Record<string, Locked>
  // The root and the workspace are this tree itself.
  const foreign = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link)
  const unsealed = foreign.filter(([, { integrity }]) => integrity === undefined)
  for (const [path, { optional }] of unsealed) {
    // The formatter's builds for other machines: the lockfile was written where they could not be fetched.
    t.ok(optional === true && path.startsWith('node_modules/@biomejs/cli-'), path)
  }
})

await t.test('the message catalogues say the same things', async (t) => {
  const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()
  const english = json('templates/locales/en.json') as Record<string, string>
  for (const file of readdirSync(new URL('templates/locales/', root))) {
    const catalogue = json(`templates/locales/${file}`) as Record<string, string>
    t.strictSame(Object.keys(catalogue), Object.keys(english), file)
    for (const [key, text] of Object.entries(english))
      t.strictSame(placeholders(catalogue[key] ?? ''), placeholders(text), `${file} ${key}`)
  }
})

await t.test('pages print data only through the escaping tag', async (t) => {
  const raw = readdirSync(new URL('templates/', root))
    .filter((name) => name.endsWith('.eta'))
    .flatMap((name) => read(`templates/${name}`).match(/<%~.*?%>/g) ?? [])
  t.strictSame(
    raw.filter((tag) => !/^<%~ include\('\.\/[a-z-]+', \{/.test(tag)),
    ['<%~ it.body %>'],
    'and other templates, which do the same',
  )
})

await t.test('docs/clients.md shows what the tests of the client libraries run', async (t) => {
  const REGION = /^ *\/\/ docs: begin\n([\s\S]*?)^ *\/\/ docs: end\n/gm
  const withoutIndent = (text: string): string => {
    const lines = text.replaceAll('\\`', '`').replaceAll('\\$', '$').trimEnd().split('\n')
    const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)))
    return lines.map((line) => line.slice(indent)).join('\n')
  }
  const page = read('docs/clients.md')
  const shown = [...page.matchAll(/```(?:ts|js)\n([\s\S]*?)```/g)].map(([, code = '']) => code).join('')
  for (const file of readdirSync(new URL('test/clients/', root)).filter((name) => name.startsWith('client-'))) {
    const regions = [...read(`test/clients/${file}`).matchAll(REGION)].map(([, code = '']) => withoutIndent(code))
    t.ok(regions.length > 0, `${file} says what the page shows`)
    for (const code of regions) t.ok(shown.includes(code), `${file}: ${code}`)
  }
})

await t.test('docs/conformance.md names tests that are there', async (t) => {
  const text = read('docs/conformance.md')
  const lists = [...text.matchAll(/\bTests: ([^.]+)\./g)].map(([, list = '']) => list)
  const clients = text.slice(text.indexOf('## Tried with')).match(/`client-[\w-]+`/g) ?? []
  const named = [...lists.flatMap((list) => list.match(/`[\w/-]+`/g) ?? []), ...clients]
  t.ok(named.length > 40)
  for (const name of new Set(named)) t.ok(pathOfTest(name.slice(1, -1)) !== undefined, name)
})
