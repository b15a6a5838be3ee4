import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { PROMPTS, type Prompt } from '../request/request.ts'

/** @see OIDC Core §3.1.2.1 */
export function readPrompt(form: Form): ReadonlySet<Prompt> {
  const words = form.get('prompt')?.split(' ') ?? []
  const prompts = new Set(PROMPTS.filter((known) => words.includes(known)))
  if (words.some((word) => !PROMPTS.some((known) => known === word))) {
    throw new Refused('invalid_request', `prompt is not supported; supported: ${PROMPTS.join(', ')}`, {
      rule: 'prompt-unknown',
      cause: 'prompt contains a word that is not supported',
      sent: words.join(' ').slice(0, 200),
      expected: PROMPTS,
    })
  }
  if (prompts.has('none') && prompts.size > 1) {
    throw new Refused('invalid_request', 'prompt none cannot be combined with other values', {
      rule: 'prompt-none-combined',
      cause: 'none forbids every page, and the other value asks for one',
      sent: words.join(' '),
    })
  }
  return prompts
}
