import { Argument, type Command } from 'commander'
import { helpText } from '../kit/help.ts'
import { print } from '../kit/output.ts'
import { bashScript } from './bash-script.ts'
import { type Completed, completedIn } from './completion-words.ts'
import { fishScript } from './fish-script.ts'
import { zshScript } from './zsh-script.ts'

const SCRIPTS: Readonly<Record<string, (all: readonly Completed[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** `tessera completion`: a script with which a shell completes commands, flags, their values and attributes. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that lets a shell complete commands, flags and attributes')
    .addArgument(new Argument('<shell>', 'the shell that is to complete them').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      helpText(
        ['tessera completion bash', 'tessera completion zsh', 'tessera completion fish'],
        `Put it where your shell reads it at its start: eval "$(tessera completion bash)" in ~/.bashrc, eval "$(tessera completion zsh)" after
compinit in ~/.zshrc, tessera completion fish | source in ~/.config/fish/config.fish. It asks no database: names of apps and users are
not completed.`,
      ),
    )
    .action((shell: string, _flags: unknown, command: Command) => {
      const script = SCRIPTS[shell]?.(completedIn(program)) ?? ''
      print(command, { shell, script }, script)
    })
}
