// SQLite alone: looks at the files of this checkout

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const ROOT = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const isThere = (path: string): boolean => existsSync(new URL(path, ROOT))

const MOST_FILES = 30
const MOST_LINES = 250
const MOST_LINES_OF_A_FUNCTION = 80
const MOST_LINES_OF_AN_ENDPOINT = 60
const ENDPOINT = /(Endpoint|Site)$/
/** What only puts parts together is as long as there are parts; repositories are called `usersOn` and the like. */
const FACTORY = /^(create|build|register)([A-Z]|$)|[a-z]On$/

/** Every file below a folder, from the root of the repository. */
const filesBelow = (folder: string): string[] =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[a-z]+$/.test(path))
    .map((path) => `${folder}/${path}`)

const SOURCES = filesBelow('src').filter((path) => path.endsWith('.ts'))
const SCRIPTS = filesBelow('scripts')
const TESTS = filesBelow('test')

/** The groups that hold more than one, by what is common to them. */
function groups(paths: readonly string[], keyOf: (path: string) => string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const path of paths) found.set(keyOf(path), [...(found.get(keyOf(path)) ?? []), path])
  return found
}

const linesOf = (text: string): number => text.trimEnd().split('\n').length

await t.test('no folder holds more than thirty files', async (t) => {
  for (const [folder, paths] of groups([...SOURCES, ...SCRIPTS, ...TESTS], dirname))
    t.ok(paths.length <= MOST_FILES, `${folder} holds ${paths.length}`)
})

await t.test(
  'a name tells a file: none stands twice in a wing, nor twice among the tests or their fixtures',
  async (t) => {
    const wing = (path: string): string =>
      path.startsWith('src/')
        ? path.split('/', 2).join('/')
        : path.startsWith('test/fixtures/')
          ? 'test/fixtures'
          : 'test'
    const twice = [...groups([...SOURCES, ...TESTS], (path) => `${wing(path)} ${basename(path)}`).values()]
    t.strictSame(
      twice.filter((paths) => paths.length > 1),
      [],
    )
  },
)

await t.test('a file is no longer than is read in one go', async (t) => {
  const long = [...SOURCES, ...SCRIPTS.filter((path) => path.endsWith('.ts'))]
    .map((path) => [path, linesOf(read(path))] as const)
    .filter(([, lines]) => lines > MOST_LINES)
  t.strictSame(long, [])
})

/** Who holds the store as a whole: the store itself, who puts parts together, the command line, and who guards it. */
const HOLDS_THE_STORE = /^src\/(store|compose|cli)\/|^src\/operations\/maintenance\/check-clock\.ts$/
const TAKES_THE_STORE = /import type \{[^}]*\bStore\b[^}]*\} from '[./]*\/store\/store\.ts'/

await t.test('a part takes the repositories it uses, and nobody is handed the whole store', async (t) => {
  const parts = SOURCES.filter((path) => !HOLDS_THE_STORE.test(path))
  t.strictSame(
    parts.filter((path) => TAKES_THE_STORE.test(read(path))),
    [],
  )
})

type Code =
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.ArrowFunction
  | ts.MethodDeclaration
  | ts.AccessorDeclaration

const isCode = (node: ts.Node): node is Code =>
  ts.isFunctionDeclaration(node) ||
  ts.isFunctionExpression(node) ||
  ts.isArrowFunction(node) ||
  ts.isMethodDeclaration(node) ||
  ts.isAccessor(node)

/** What a function is called: by its own name, or that of what it is given to. */
function nameOf(node: Code): string {
  const { parent } = node
  if (node.name !== undefined) return node.name.getText()
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)
    ? parent.name.getText()
    : 'a function without a name'
}

/** Functions of a file that are over the budget, each with its lines. */
function longFunctions(path: string): string[] {
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true)
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (isCode(node)) {
      const lines = lineAt(node.getEnd()) - lineAt(node.getStart()) + 1
      const name = nameOf(node)
      if (lines > (ENDPOINT.test(name) ? MOST_LINES_OF_AN_ENDPOINT : MOST_LINES_OF_A_FUNCTION) && !FACTORY.test(name))
        found.push(`${path}: ${name} has ${lines} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

await t.test(
  'a function is no longer than a screen and a half, an endpoint than a screen, unless it only puts parts together',
  async (t) => {
    t.strictSame([...SOURCES, ...SCRIPTS.filter((path) => path.endsWith('.ts'))].flatMap(longFunctions), [])
  },
)

/** Every path of the repository that a document names, in backticks or as the target of a link. */
function pathsIn(document: string): string[] {
  const text = read(document)
  const quoted = [...text.matchAll(/`([^`\n]+)`/g)].map(([, path = '']) => path)
  const linked = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => new URL(target, new URL(document, ROOT)).href.slice(ROOT.href.length))
  const PATH = /^(src|test|scripts|docs|db|templates|schema|\.ci)\/[\w./*{},-]*$/
  return [...quoted.filter((path) => PATH.test(path)), ...linked]
}

/** Whether a path leads to a file or folder; a star stands for a part of a name. */
function leadsSomewhere(path: string): boolean {
  if (!path.includes('*')) return isThere(path)
  const [, folder = '', pattern = ''] = /^(.*\/)([^/]*)$/.exec(path) ?? []
  const name = new RegExp(`^${pattern.replace(/[.{}]/g, '\\$&').replaceAll('*', '.*')}$`)
  return isThere(folder) && readdirSync(new URL(folder, ROOT)).some((each) => name.test(each))
}

await t.test('every path that a document names leads somewhere', async (t) => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'DEPENDENCIES.md', 'SECURITY.md', ...filesBelow('docs')]
  const named = documents
    .filter((path) => path.endsWith('.md'))
    .flatMap((document) => pathsIn(document).map((path) => [document, path] as const))
  t.ok(named.length > 30, `${named.length} paths`)
  t.strictSame(
    named.filter(([, path]) => !leadsSomewhere(path)),
    [],
  )
})
