// SQLite alone: completes commands, which asks no database
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraWith, words } from '../fixtures/cli/cli.ts'

const tessera = tesseraWith({})

/** What a shell says to a script. */
function shell(program: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0 || stderr !== '') throw new Error(`${program}: ${status} ${stderr}`)
  return stdout.split(/\s+/).filter((word) => word !== '')
}

const isHere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined
const without = (program: string): { readonly skip: string } | object =>
  isHere(program) ? {} : { skip: `${program} is not installed` }

/** A line as far as it is typed, and some of what it can go on with, and what it cannot. */
const LINES: readonly (readonly [line: readonly string[], offered: readonly string[], others: readonly string[]])[] = [
  [[''], ['app', 'settings', 'completion'], ['list', '--json']],
  [['ap'], ['app', 'apply'], ['user']],
  [
    ['app', ''],
    ['register', 'list'],
    ['app', 'set-password'],
  ],
  [['app', 'list', '--js'], ['--json'], ['--config']],
  [['audit', 'list', '--event', 'sign_in_f'], ['sign_in_failed'], ['sign_in', 'sign_out']],
  [['app', 'update', 'x', '--set', 'Refr'], ['RefreshReplayWindow='], ['Scope=']],
  [['settings', 'set', 'Api'], ['ApiSessionIdle'], ['AuditRetention']],
  [['completion', ''], ['bash', 'zsh', 'fish'], ['app']],
  [['user', 'list', '--state', ''], ['enabled', 'disabled'], ['--q']],
]

await t.test('bash completes commands, flags, their values and attributes', async (t) => {
  const { stdout: script } = await tessera(words('completion bash'))
  const complete = (line: readonly string[]): string[] =>
    shell('bash', [
      '-c',
      `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tessera; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      'tessera',
      ...line,
    ])
  for (const [line, offered, others] of LINES) {
    const found = complete(line)
    for (const word of offered) t.ok(found.includes(word), `${line.join(' ')}: ${word} in ${found}`)
    for (const word of others) t.notOk(found.includes(word), `${line.join(' ')}: no ${word}`)
  }
  t.strictSame(complete(['app', 'update', 'x', '--set', 'Scope', '=', 're']), [], 'nobody knows what follows')
  t.strictSame(complete(['app', 'list', '--event', '', '|', ';']).includes('sign_in'), false)
})

await t.test('zsh offers the same', without('zsh'), async (t) => {
  const { stdout: script } = await tessera(words('completion zsh'))
  const shim = `compdef() { :; }; _files() { :; }
    compadd() { [[ $1 == -S ]] && shift 2; shift; print -rl -- "\${(P@)1}"; }`
  for (const [line, offered] of LINES) {
    const typed = ['tessera', ...line].map((word) => `'${word}'`).join(' ')
    const found = shell('zsh', ['-fc', `${shim}\n${script}\nwords=(${typed}); CURRENT=\${#words}; _tessera`])
    for (const word of offered) t.ok(found.includes(word), `${line.join(' ')}: ${word} in ${found}`)
  }
})

await t.test('fish offers the same', without('fish'), async (t) => {
  const { stdout: script } = await tessera(words('completion fish'))
  for (const [line, offered] of LINES) {
    const asked = `source (string join \\n -- $argv[1] | psub); complete -C '${['tessera', ...line].join(' ')}'`
    const found = shell('fish', ['--no-config', '-c', asked, '--', script])
    for (const word of offered) t.ok(found.includes(word), `${line.join(' ')}: ${word} in ${found}`)
  }
})

await t.test('it needs no instance, and no other shell', async (t) => {
  matchesWhole(t, await tesseraWith({ TESSERA_DATABASE_URL: 'file:/nowhere/x.db' })(words('completion bash')), {
    code: 0,
    stderr: '',
  })
  t.match(await tessera(words('completion csh')), { code: 2, stderr: /^unknown value of <shell> 'csh'/ })
})
