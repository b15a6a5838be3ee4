import { shellWord } from '../../lib/text/shell.ts'
import type { SpelledAlike } from '../../store/repositories/users/spelled-alike.ts'
import { type Finding, fine, warning } from './finding.ts'

/** Accounts from before two spellings were one: each is found by its own, and only one of them by all others. */
export const examineNames = (alike: readonly SpelledAlike[]): Finding[] =>
  alike.length === 0
    ? [fine('names', 'every login and e-mail leads to one account, however it is spelled')]
    : alike.map(({ login, name, other }) =>
        warning(
          'names',
          `${name} is spelled like a name of ${other}: whoever writes it in another way than this reaches ${other}`,
          name === login
            ? `when one of the two accounts is not needed, remove it: tessera user remove ${shellWord(login)}`
            : `give one of them another e-mail: tessera user update ${shellWord(login)} --email ADDRESS`,
        ),
      )
