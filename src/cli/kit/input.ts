import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { impossible, wrongUsage } from './problem.ts'
import { type Terminal, terminalOf } from './terminal.ts'

const LONGEST_INPUT = 65_536

/** Is there a person to ask? Questions go to stderr, so that stdout holds results alone. */
export const isTerminal = ({ stdin, stderr }: Terminal): boolean => stdin.isTTY === true && stderr.isTTY === true

/** Reads the one line that a script sends on standard input. */
export async function readLineFromStdin(command: Command, what: string): Promise<string> {
  const { stdin } = terminalOf(command)
  if (stdin.isTTY) throw wrongUsage(`the ${what} must come from a pipe, but standard input is a terminal`)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > LONGEST_INPUT) throw wrongUsage(`standard input is too long for a ${what}`)
  }
  const line = decode(Buffer.concat(chunks), what).replace(/\r?\n$/, '')
  if (line === '') throw wrongUsage(`the ${what} must be one line on standard input, which is empty`)
  if (/[\r\n]/.test(line)) throw wrongUsage(`the ${what} must be one line on standard input, which holds several`)
  return line
}

function decode(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw wrongUsage(`the ${what} on standard input is not UTF-8`)
  }
}

/** Asks a person on the terminal; what is typed is shown only with `echo`. */
export function ask({ stdin, stderr }: Terminal, question: string, { echo }: { echo: boolean }): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: echo ? stderr : silence, terminal: true })
  if (!echo) stderr.write(question)
  return new Promise((resolve, reject) => {
    let answer: string | undefined
    lines.question(question, (line) => {
      answer = line
      lines.close()
    })
    // Ctrl+C and Ctrl+D close it without a line.
    lines.once('close', () => {
      if (!echo || answer === undefined) stderr.write('\n')
      if (answer === undefined) reject(impossible('nothing was changed'))
      else resolve(answer)
    })
  })
}

/**
 * Makes sure that something irreversible is meant: `--yes`, or a person's word.
 * @param what happens, as a sentence
 */
export async function confirm(command: Command, what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return
  const terminal = terminalOf(command)
  if (!isTerminal(terminal)) throw wrongUsage(`${what} There is no terminal to ask on: add --yes to confirm.`)
  const answer = await ask(terminal, `${what} Type yes to continue: `, { echo: true })
  if (answer.trim().toLowerCase() !== 'yes') throw impossible('nothing was changed')
}
