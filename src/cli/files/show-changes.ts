import type { Change } from '../../config-files/apply/changes.ts'
import { columns } from '../kit/output.ts'
import { valueText } from '../kit/value-text.ts'

interface Words {
  readonly created: string
  readonly updated: string
  readonly removed: string
}

const SIGN = { create: '+', update: '~', remove: '-' } as const

/** Changes for people: a line for each record, its fields below. */
export function changesText(changes: readonly Change[], words: Words): string {
  if (changes.length === 0) return 'Nothing to change: the instance already matches the files.'
  const count = (action: Change['action'], word: string): string =>
    `${changes.filter((change) => change.action === action).length} ${word}`
  const summary = [count('create', words.created), count('update', words.updated), count('remove', words.removed)]
  return `${changes.map(changeText).join('\n')}\n\n${summary.join(', ')}.`
}

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.length === 0)

function changeText({ kind, id, action, fields }: Change): string {
  const heading = columns([[`${SIGN[action]} ${kind} ${id}`]])
  const rows = Object.entries(fields)
    .filter(([, { from, to }]) => action === 'update' || ![from, to].some(isEmpty))
    .map(([name, { from, to }]) =>
      action === 'update'
        ? [`    ${name}`, valueText(from), '->', valueText(to)]
        : [`    ${name}`, valueText(action === 'create' ? to : from)],
    )
  return action === 'remove' || rows.length === 0 ? heading : `${heading}\n${columns(rows)}`
}
