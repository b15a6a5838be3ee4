import type { Completed, Place } from './completion-words.ts'

const quoted = (words: readonly string[]): string => `'${words.join(' ')}'`

/** `case` patterns of the paths that lead somewhere. */
export const pathPattern = (all: readonly Completed[]): string =>
  all.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|')

const action = ({ words, isFile }: Place): string => (isFile ? 'files=1' : `words=${quoted(words)}`)

/** A line for each flag that takes a value: what may follow it. */
export const valueCases = (all: readonly Completed[]): string[] =>
  all.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) =>
      value ? [`    ${names.map((name) => `'${path}|${name}'`).join('|')}) ${action(value)} known=1 ;;`] : [],
    ),
  )

/** A line for each command: what may follow it. */
export const commandCases = (all: readonly Completed[]): string[] =>
  all.map(({ path, commands, flags, argument }) => {
    const words = [...commands.map(({ name }) => name), ...argument.words]
    const files = argument.isFile ? ' files=1' : ''
    return `    '${path}') words=${quoted(words)} flags=${quoted(flags.map(({ names }) => names[0] ?? ''))}${files} ;;`
  })

/** The completion of commands, flags and attributes for bash. */
export const bashScript = (
  all: readonly Completed[],
): string => `# Completion of tessera for bash: eval "$(tessera completion bash)"
_tessera() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at='' next words='' flags='' files='' known='' i
  COMPREPLY=()
  # Bash takes NAME=VALUE apart.
  if [[ $cur == = ]]; then cur=''; prev='='; fi
  if [[ $prev == = ]]; then
    prev="\${COMP_WORDS[COMP_CWORD-2]}"
    [[ \${COMP_WORDS[COMP_CWORD]} == = ]] && prev="\${COMP_WORDS[COMP_CWORD-1]}"
    [[ $prev == -* ]] || return 0
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${at:+$at }\${COMP_WORDS[i]}"
    case "$next" in
      ${pathPattern(all)}) at="$next" ;;
    esac
  done
  case "$at|$prev" in
${valueCases(all).join('\n')}
  esac
  if [[ -z $known ]]; then case "$at" in
${commandCases(all).join('\n')}
  esac; fi
  if [[ $cur == -* && -z $known ]]; then words="$flags" files=''; fi
  if [[ -n $files ]]; then compopt -o default 2>/dev/null; return 0; fi
  if [[ -z $words && -z $known ]]; then words="$flags"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _tessera tessera`
