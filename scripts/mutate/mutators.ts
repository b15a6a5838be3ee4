import ts from 'typescript'

/** A change of a source that a test should notice. */
export interface Change {
  /** The expression that is there in two versions, as offsets in the source. */
  readonly start: number
  readonly end: number
  /** What is replaced in it. */
  readonly from: number
  readonly to: number
  readonly by: string
  /** Whether a statement begins with it: a line that begins with a parenthesis would go on with the one before. */
  readonly opensStatement: boolean
}

type Replacement = Omit<Change, 'opensStatement'>

const { SyntaxKind } = ts

const OPERATORS: Readonly<Record<number, string>> = {
  [SyntaxKind.EqualsEqualsEqualsToken]: '!==',
  [SyntaxKind.ExclamationEqualsEqualsToken]: '===',
  [SyntaxKind.LessThanToken]: '<=',
  [SyntaxKind.LessThanEqualsToken]: '<',
  [SyntaxKind.GreaterThanToken]: '>=',
  [SyntaxKind.GreaterThanEqualsToken]: '>',
  [SyntaxKind.PlusToken]: '-',
  [SyntaxKind.MinusToken]: '+',
  [SyntaxKind.AsteriskToken]: '/',
  [SyntaxKind.SlashToken]: '*',
  [SyntaxKind.AmpersandAmpersandToken]: '||',
  [SyntaxKind.BarBarToken]: '&&',
}
/** Operators of statements to the database, which stand in quotes. */
const OF_STATEMENTS: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  is: 'is not',
  'is not': 'is',
  in: 'not in',
  'not in': 'in',
}
const SWAPPED: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  min: 'max',
  max: 'min',
}
/** Calls that give back what they are called on, changed or narrowed. */
const LEFT_OUT = new Set(
  ['filter', 'slice', 'trim', 'sort', 'toSorted', 'reverse', 'toReversed', 'toLowerCase', 'toUpperCase'].concat([
    'where',
    'whereRef',
    'orderBy',
    'limit',
    'groupBy',
    'having',
    'onConflict',
  ]),
)

const replaceAll = (node: ts.Node, by: string): Replacement => ({
  start: node.getStart(),
  end: node.getEnd(),
  from: node.getStart(),
  to: node.getEnd(),
  by,
})
const replaceIn = (whole: ts.Node, part: { getStart(): number; getEnd(): number }, by: string): Replacement => ({
  ...replaceAll(whole, by),
  from: part.getStart(),
  to: part.getEnd(),
})

const isText = (node: ts.Node): boolean =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || (ts.isBinaryExpression(node) && isText(node.right))

function ofBinary(node: ts.BinaryExpression): Replacement[] {
  const { operatorToken, left, right } = node
  if (operatorToken.kind === SyntaxKind.QuestionQuestionToken) return [replaceAll(node, left.getText())]
  const by = OPERATORS[operatorToken.kind]
  const joinsTexts = operatorToken.kind === SyntaxKind.PlusToken && (isText(left) || isText(right))
  return by === undefined || joinsTexts ? [] : [replaceIn(node, operatorToken, by)]
}

function ofCall(node: ts.CallExpression): Replacement[] {
  const { expression } = node
  if (!ts.isPropertyAccessExpression(expression) || (node.flags & ts.NodeFlags.OptionalChain) !== 0) return []
  const name = expression.name.text
  const swapped = Object.hasOwn(SWAPPED, name) ? SWAPPED[name] : undefined
  if (swapped !== undefined) return [replaceIn(node, expression.name, swapped)]
  // `slice()` copies.
  return LEFT_OUT.has(name) && node.arguments.length + (name === 'slice' ? 0 : 1) > 0
    ? [{ ...replaceAll(node, ''), from: expression.expression.getEnd() }]
    : []
}

function ofText(node: ts.StringLiteral, isStore: boolean): Replacement[] {
  const { parent, text } = node
  const isValue =
    ts.isCallExpression(parent) ||
    ts.isBinaryExpression(parent) ||
    ts.isArrayLiteralExpression(parent) ||
    ts.isConditionalExpression(parent) ||
    ts.isReturnStatement(parent) ||
    ts.isArrowFunction(parent) ||
    ((ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)) && parent.initializer === node)
  if (!isValue) return []
  if (isStore && Object.hasOwn(OF_STATEMENTS, text)) return [replaceAll(node, `'${OF_STATEMENTS[text] ?? ''}'`)]
  // What has spaces is for people; the names of tables and columns are noticed by the database.
  return isStore || text === '' || /\s/.test(text) ? [] : [replaceAll(node, "''")]
}

const isTarget = (node: ts.Node): boolean =>
  ts.isBinaryExpression(node.parent) &&
  node.parent.left === node &&
  node.parent.operatorToken.kind === SyntaxKind.EqualsToken

const isCallForEffect = ({ expression }: ts.ExpressionStatement): boolean => {
  const called =
    ts.isAwaitExpression(expression) || ts.isVoidExpression(expression) ? expression.expression : expression
  return ts.isCallExpression(called)
}

function ofNode(node: ts.Node, isStore: boolean): Replacement[] {
  if (ts.isIfStatement(node)) return ['true', 'false'].map((by) => replaceAll(node.expression, by))
  if (ts.isConditionalExpression(node)) return ['true', 'false'].map((by) => replaceAll(node.condition, by))
  if (ts.isBinaryExpression(node)) return ofBinary(node)
  if (ts.isCallExpression(node)) return ofCall(node)
  if (ts.isStringLiteral(node)) return ofText(node, isStore)
  if (node.kind === SyntaxKind.TrueKeyword) return [replaceAll(node, 'false')]
  if (node.kind === SyntaxKind.FalseKeyword) return [replaceAll(node, 'true')]
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0 && !isTarget(node)) return [replaceAll(node, '[]')]
  if (ts.isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken)
    return [replaceAll(node, node.operand.getText())]
  return ts.isExpressionStatement(node) && isCallForEffect(node) ? [replaceAll(node.expression, 'undefined')] : []
}

/**
 * Finds what can be changed: conditions, comparisons, logic, arithmetic, texts that are no prose, lists, and what is left out: calls for
 * their effect, filters, and conditions of statements to the database.
 * @param isStore whether the source speaks to the database
 */
export function findChanges(file: string, text: string, isStore: boolean): Change[] {
  const changes: Change[] = []
  const statements = new Set<number>()
  function visit(node: ts.Node): void {
    const isType = ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
    if (isType || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return
    const isInList = ts.isBlock(node.parent) || ts.isSourceFile(node.parent) || ts.isCaseOrDefaultClause(node.parent)
    if (ts.isExpressionStatement(node) && isInList) statements.add(node.getStart())
    changes.push(...ofNode(node, isStore).map((one) => ({ ...one, opensStatement: statements.has(one.start) })))
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), visit)
  return changes
}
