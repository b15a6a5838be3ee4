// SQLite alone: is about signals and the log, whatever the database
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { environment, plainTessera } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'

const QUICK = { TESSERA_SHUTDOWN_DELAY: '0s' }
const statusOf = async (url: string): Promise<number> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
  await answer?.text()
  return answer?.status ?? 0
}
const isReady = ({ origin }: Site) => statusOf(`${origin}/health/ready`)

/** Starts a server with this as its standard output and error, which the test does not read. */
async function serveInto(t: Test, site: Site, stdout: number | 'pipe', stderr: 'ignore' | 'pipe' = 'ignore') {
  const child = spawn(...plainTessera('serve'), { env: environment(site.settings), stdio: ['ignore', stdout, stderr] })
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  t.equal(
    await eventually(
      () => isReady(site),
      (status) => status === 200,
      20_000,
    ),
    200,
    'it serves',
  )
  return { child, ended }
}

async function lostOf({ origin }: Site): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return Number(/^tessera_log_lines_lost_total (\d+)$/m.exec(text)?.[1] ?? 'NaN')
}

/** Asks so often that the log of it fills any pipe. */
async function askOften(t: Test, site: Site, count: number): Promise<void> {
  let answered = 0
  for (let asked = 0; asked < count; asked += 50) {
    const path = `/id/.well-known/openid-configuration`
    const answers = await Promise.all(Array.from({ length: 50 }, () => statusOf(site.origin + path)))
    answered += answers.filter((status) => status === 200).length
  }
  t.equal(answered, count, 'every request is answered')
}

async function endsInOrder(t: Test, { child, ended }: Awaited<ReturnType<typeof serveInto>>): Promise<void> {
  const started = performance.now()
  child.kill('SIGTERM')
  t.strictSame(await ended, { code: 0, signal: null })
  t.ok(performance.now() - started < 10_000, 'within ten seconds')
}

await t.test('a log on a full disk: the server goes on, counts what is lost, and ends in order', async (t) => {
  const site = await prepareSite(t, QUICK)
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const server = await serveInto(t, site, full)
  await askOften(t, site, 50)
  t.ok(
    (await eventually(
      () => lostOf(site),
      (lost) => lost > 0,
    )) > 0,
  )
  await endsInOrder(t, server)
})

await t.test('a log whose reader stopped: the server goes on, counts what is lost, and ends in order', async (t) => {
  const site = await prepareSite(t, { ...QUICK, TESSERA_LOG_LEVEL: 'trace' })
  const server = await serveInto(t, site, 'pipe')
  while ((await lostOf(site)) === 0) await askOften(t, site, 500)
  await endsInOrder(t, server)
})

await t.test('a log whose reader is gone, and nobody who reads what goes wrong', async (t) => {
  const site = await prepareSite(t, QUICK)
  const server = await serveInto(t, site, 'pipe', 'pipe')
  server.child.stdout?.destroy()
  server.child.stderr?.destroy()
  await askOften(t, site, 50)
  t.ok(
    (await eventually(
      () => lostOf(site),
      (lost) => lost > 0,
    )) > 0,
  )
  await endsInOrder(t, server)
})

await t.test('a terminal that closes ends the server that runs in it, in good order', async (t) => {
  const site = await prepareSite(t, QUICK)
  // script(1) gives it a terminal of its own.
  const command = plainTessera('serve')
  const line = [command[0], ...command[1]].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qfc', `${line}; echo exit code $?`, '/dev/null'], {
    env: { ...environment(site.settings), SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  const ended = once(child, 'exit')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const pid = async () => Number(/"pid":(\d+).*"msg":"ready"/.exec(said)?.[1] ?? 0)
  const server = await eventually(pid, (found) => found > 0, 20_000)
  t.ok(server > 0, 'it logs to a terminal')
  process.kill(server, 'SIGHUP')
  t.match(
    await eventually(
      async () => said,
      (text) => text.includes('exit code'),
      10_000,
    ),
    /"signal":"SIGHUP".*stopping[\s\S]*exit code 0/,
  )
})

await t.test('signals that mean nothing are said on the log, and nothing else happens', async (t) => {
  const site = await prepareSite(t, QUICK)
  const server = await serve(t, site)
  for (const signal of ['SIGHUP', 'SIGUSR1'] as const) {
    server.kill(signal)
    t.match(await server.logged((record) => record['signal'] === signal), { level: 40, msg: `${signal} is ignored` })
    t.equal(await isReady(site), 200)
  }
  await delay(100)
  t.equal(server.stderr(), '', 'above all no debugger')
  server.kill('SIGKILL')
  await server.ended()
})

await t.test('whatever else would end a process without a word ends the server in good order', async (t) => {
  const site = await prepareSite(t, QUICK)
  for (const signal of ['SIGQUIT', 'SIGUSR2'] as const) {
    const server = await serve(t, site)
    server.kill(signal)
    t.match(await server.logged(({ msg }) => msg === 'stopping'), { signal })
    t.strictSame(await server.ended(), { code: 0, signal: null })
  }
})

await t.test('an error that nothing handled is the last line of the log', async (t) => {
  const site = await prepareSite(t)
  const module = 'process.on("SIGWINCH", () => { throw new Error("out of the blue") })'
  const later = 'process.on("SIGWINCH", () => void Promise.reject(new Error("out of the blue")))'
  for (const [code, origin] of [
    [module, 'uncaughtException'],
    [later, 'unhandledRejection'],
  ] as const) {
    const server = await serve(t, site, { node: ['--import', `data:text/javascript,${encodeURIComponent(code)}`] })
    server.kill('SIGWINCH')
    t.strictSame(await server.ended(), { code: 1, signal: null })
    t.match(JSON.parse(server.lines.at(-1) ?? ''), { level: 60, origin, err: { message: 'out of the blue' } })
  }
})

await t.test('a command whose terminal is gone ends with an error', async (t) => {
  const site = await prepareSite(t)
  const log = join(dirname(site.settings['TESSERA_DATA_DIR'] ?? ''), 'said')
  const [file, args] = plainTessera('user', 'list')
  const command = [file, ...args].map((word) => `'${word}'`).join(' ')
  // It outlives its terminal, as nohup would have it.
  const line = `trap '' HUP; echo here; read -r gone; { ${command} 2>'${log}.err'; echo $? >'${log}.code'; }`
  const child = spawn('script', ['-qfc', line, '/dev/null'], {
    env: { ...environment(site.settings), SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await ended
  const code = () => Promise.resolve(existsSync(`${log}.code`) ? readFileSync(`${log}.code`, 'utf8') : '')
  t.equal(await eventually(code, (text) => text.endsWith('\n'), 20_000), '1\n')
  t.equal(readFileSync(`${log}.err`, 'utf8'), 'the result cannot be written: EIO: i/o error, write\n')
})

await t.test('a command whose reader has seen enough ends quietly; one that cannot write says so', async (t) => {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david', '--generate-password'])
  const run = async (line: string, ...words: string[]) => {
    const [file, args] = plainTessera(...(words.length === 0 ? ['user', 'list'] : words))
    const command = [file, ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn('bash', ['-c', line.replace('TESSERA', command)], {
      env: environment(site.settings),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    child.stdout.resume()
    const [code] = await once(child, 'close')
    return { code, stderr }
  }
  t.strictSame(await run('TESSERA | head -c 0; exit $PIPESTATUS'), { code: 0, stderr: '' })
  t.strictSame(await run('TESSERA | true; exit $PIPESTATUS'), { code: 0, stderr: '' })
  const failed = await run('TESSERA 2>&1 | true; exit $PIPESTATUS', 'user', 'show', 'nobody')
  t.strictSame(failed, { code: 1, stderr: '' }, 'what failed has failed all the same')
  t.strictSame(await run('TESSERA > /dev/full'), {
    code: 1,
    stderr: 'the result cannot be written: ENOSPC: no space left on device, write\n',
  })
})
