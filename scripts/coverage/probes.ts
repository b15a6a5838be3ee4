import ts from 'typescript'
import type { Insertion } from './insertions.ts'

/** A place of a source of which a run shall tell whether it was reached. */
export interface Probe {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** `function` for the body of one; each other is an arm of a branch. */
  readonly kind: 'function' | 'if' | 'else' | '?' | ':' | 'left' | 'right' | 'case' | 'default'
  /** What runs when it is reached, as offsets in the source; nothing for an `else` that is not there. */
  readonly start: number
  readonly end: number
}

/** The probes of a source, and what tells of them. */
export interface Probed {
  readonly probes: readonly Probe[]
  readonly insertions: readonly Insertion[]
}

const GOES_ON: Readonly<Record<number, 'either' | 'nullish'>> = {
  [ts.SyntaxKind.AmpersandAmpersandToken]: 'either',
  [ts.SyntaxKind.BarBarToken]: 'either',
  [ts.SyntaxKind.QuestionQuestionToken]: 'nullish',
}
const ASSIGNS_MAYBE = new Set([
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
])

/**
 * Finds functions and the arms of branches: `if`, `?:`, both ways of `&&`, `||` and `??`, clauses of `switch`, and defaults. `?.` is none,
 * as for other tools.
 * @param first the number of the first probe among those of all sources
 */
export function findProbes(file: string, text: string, first: number): Probed {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const probes: Probe[] = []
  const insertions: Insertion[] = []
  const insert = (at: number, inserted: string): void => void insertions.push({ at, text: inserted })

  function add(kind: Probe['kind'], place: ts.Node, runs: ts.Node | undefined): number {
    const line = source.getLineAndCharacterOfPosition(place.getStart()).line + 1
    return first + probes.push({ file, line, kind, start: runs?.getStart() ?? 0, end: runs?.getEnd() ?? 0 }) - 1
  }
  function wrap(node: ts.Node, open: string, close: string): void {
    insert(node.getStart(), open)
    visit(node)
    insert(node.getEnd(), close)
  }
  /** Two arms with numbers in a row, of which a value decides. */
  const decide = (node: ts.Node, by: 'either' | 'nullish', yes: number): void => wrap(node, `__${by}(${yes}, `, ')')

  function enter(body: ts.ConciseBody): void {
    const call = `__reached(${add('function', body.parent, body)})`
    if (ts.isBlock(body)) {
      insert(body.getStart() + 1, `${call};`)
      ts.forEachChild(body, visit)
    } else {
      wrap(body, `(${call}, `, ')')
    }
  }
  function enterClause(clause: ts.CaseOrDefaultClause): void {
    if (ts.isCaseClause(clause)) visit(clause.expression)
    const head = ts.isCaseClause(clause) ? clause.expression.getEnd() : clause.getStart()
    insert(text.indexOf(':', head) + 1, `__reached(${add('case', clause, clause)});`)
    clause.statements.forEach(visit)
  }
  function visitLogical(node: ts.BinaryExpression, by: 'either' | 'nullish'): void {
    const arms = [['right', node.right] as const, ['left', undefined] as const]
    // `a && b` and `a ?? b` go on to the right where the first number is noted, `a || b` where the second is.
    const ordered = node.operatorToken.kind === ts.SyntaxKind.BarBarToken ? arms.toReversed() : arms
    const [yes = 0] = ordered.map(([kind, runs]) => add(kind, node[kind], runs))
    decide(node.left, by, yes)
    visit(node.right)
  }

  function visit(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isIfStatement(node)) {
      const yes = add('if', node, node.thenStatement)
      add('else', node, node.elseStatement)
      decide(node.expression, 'either', yes)
      visit(node.thenStatement)
      if (node.elseStatement !== undefined) visit(node.elseStatement)
    } else if (ts.isConditionalExpression(node)) {
      const yes = add('?', node.whenTrue, node.whenTrue)
      add(':', node.whenFalse, node.whenFalse)
      decide(node.condition, 'either', yes)
      visit(node.whenTrue)
      visit(node.whenFalse)
    } else if (ts.isBinaryExpression(node) && GOES_ON[node.operatorToken.kind] !== undefined) {
      visitLogical(node, GOES_ON[node.operatorToken.kind] ?? 'either')
    } else if (ts.isBinaryExpression(node) && ASSIGNS_MAYBE.has(node.operatorToken.kind as never)) {
      visit(node.left)
      wrap(node.right, `(__reached(${add('right', node.right, node.right)}), `, ')')
    } else if (ts.isCaseClause(node) || ts.isDefaultClause(node)) {
      enterClause(node)
    } else {
      visitOther(node)
    }
  }
  function visitOther(node: ts.Node): void {
    const { body, initializer } = node as { body?: ts.ConciseBody; initializer?: ts.Expression }
    const isDefault = (ts.isParameter(node) || ts.isBindingElement(node)) && initializer !== undefined
    ts.forEachChild(node, (child) => {
      if (child === body && ts.isFunctionLike(node)) enter(body)
      else if (child === initializer && isDefault) wrap(child, `(__reached(${add('default', child, child)}), `, ')')
      else visit(child)
    })
  }
  visit(source)
  return { probes, insertions }
}
