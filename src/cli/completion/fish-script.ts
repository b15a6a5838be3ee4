import type { Completed, Place } from './completion-words.ts'

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

const whatFollows = ({ words, isFile }: Place): string => (isFile ? '-F' : `-f -a ${quoted(words.join(' '))}`)

function linesOf({ path, commands, flags, argument }: Completed): string[] {
  const here = `complete -c tessera -n ${quoted(`test (__tessera_at) = "${path}"`)}`
  return [
    ...commands.map(({ name, description }) => `${here} -a ${name} -d ${quoted(description)}`),
    ...(argument.isFile || argument.words.length > 0 ? [`${here} ${whatFollows(argument)}`] : []),
    ...flags.map(({ names, description, value }) => {
      const spelt = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
      const more = value ? ` -r ${whatFollows(value)}` : ''
      return `${here} ${spelt.join(' ')}${more} -d ${quoted(description)}`
    }),
  ]
}

/** The completion of commands, flags and attributes for fish. */
export const fishScript = (
  all: readonly Completed[],
): string => `# Completion of tessera for fish: tessera completion fish | source
function __tessera_at
  set -l known ${all.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join(' ')}
  set -l at
  for word in (commandline -opc)[2..-1]
    set -l next (string join ' ' -- $at $word)
    contains -- $next $known; and set at $next
  end
  echo "$at"
end
complete -c tessera -f
${all.flatMap(linesOf).join('\n')}`
