import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

interface Locked {
  readonly integrity?: string
  readonly dev?: boolean
  readonly link?: boolean
}

const locked = Object.entries((JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages)
const packages = locked.filter(([path]) => path !== '')
const direct = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>

/** The formatter for other platforms, which no user and no CI installs: npm notes no digest of what was not there to be fetched. */
const OTHER_PLATFORMS = /^node_modules\/@biomejs\/cli-/

await t.test('SC-01: the digest of every package is known, and direct ones are pinned', async (t) => {
  t.ok(packages.length > 100)
  const strange = packages.filter(
    ([path, { integrity = '', link, dev }]) =>
      link === true || !(integrity.startsWith('sha512-') || (dev === true && OTHER_PLATFORMS.test(path))),
  )
  t.strictSame(
    strange.map(([path]) => path),
    [],
  )
  for (const [name, version] of Object.entries({ ...direct.dependencies, ...direct.devDependencies }))
    t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} is pinned`)
})

await t.test('SC-02: each direct dependency has a line that says what it is for, and why this one', async (t) => {
  const lines = read('DEPENDENCIES.md').split('\n')
  const running = packages.filter(([, { dev }]) => dev !== true)
  t.comment(`${running.length} packages at run time, ${Object.keys(direct.dependencies).length} of them direct`)
  for (const name of Object.keys({ ...direct.dependencies, ...direct.devDependencies })) {
    const line = lines.find((one) =>
      one
        .split('|')[1]
        ?.split(',')
        .some((cell) => cell.trim() === name),
    )
    const [, , what = '', why = ''] = line?.split('|') ?? []
    t.ok(what.trim().length >= 5 && why.trim().length >= 5, name)
  }
  // A dependency more brings others along: whoever adds one sees here how many.
  t.ok(running.length <= 170, `${running.length} packages at run time`)
})
