import { commandCases, pathPattern, valueCases } from './bash-script.ts'
import type { Completed } from './completion-words.ts'

/** The completion of commands, flags and attributes for zsh. */
export const zshScript = (all: readonly Completed[]): string => `#compdef tessera
# Completion of tessera for zsh: eval "$(tessera completion zsh)", after compinit
_tessera() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" at='' next flags='' files='' known='' i
  local -a given; given=("\${words[@]}")
  local words=''
  for ((i = 2; i < CURRENT; i++)); do
    next="\${at:+$at }\${given[i]}"
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
  if [[ -n $files ]]; then _files; return; fi
  if [[ -z $words && -z $known ]]; then words="$flags"; fi
  local -a all plain open; all=(\${=words})
  open=(\${(M)all:#*=}) plain=(\${all:#*=})
  compadd -a plain
  compadd -S '' -a open
}
compdef _tessera tessera`
