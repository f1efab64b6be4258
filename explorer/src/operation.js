// What the page must know and change about an operation, as syntax: its kind, and where a stream of changes begins.
import { Kind, getOperationAST, parse, print, visit } from 'graphql';

/** The name under which a stream's cursor is asked for where its author did not. */
const ADDED = 'resumeCursor';

/** `query`, `mutation`, `subscription`, or nothing for what only the server can judge. */
export function kind({ query, operationName }) {
  return chosen(query, operationName)?.operation;
}

/**
 * The request with an operation that its document has: the editor's idea of it lags behind what was just put there.
 */
export function settled(request) {
  try {
    const { definitions } = parse(request.query, { noLocation: true });
    const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
    const stale = operations.length === 1 && operations[0].name?.value !== request.operationName;
    return stale ? { ...request, operationName: operations[0].name?.value } : request;
  } catch {
    return request;
  }
}

/**
 * A subscription made ready to be resumed: its events carry their cursor, be it selected or not. `begins` says
 * whether the author said where it begins; a stream from now on can be resumed only once it is known when now was.
 */
export function resumable(request) {
  const { operation, field, selection } = root(request);
  if (!field) return { request, begins: true };
  const cursor = selection.find((node) => node.kind === Kind.FIELD && node.name.value === 'cursor');
  const query = cursor ? request.query : changed(request, (node) => ({ ...node, selectionSet: withCursor(node) }));
  return { request: { ...request, query }, begins: begins(operation, field, request.variables ?? {}) };
}

/** The same subscription from a cursor on. */
export function from(request, cursor) {
  const { field } = root(request);
  const after = field?.arguments.find(({ name }) => name.value === 'after');
  if (after?.value.kind === Kind.VARIABLE) {
    return { ...request, variables: { ...request.variables, [after.value.name.value]: cursor } };
  }
  const given = {
    kind: Kind.ARGUMENT,
    name: { kind: Kind.NAME, value: 'after' },
    value: { kind: Kind.STRING, value: cursor },
  };
  const others = (node) => node.arguments.filter(({ name }) => name.value !== 'after');
  return { ...request, query: changed(request, (node) => ({ ...node, arguments: [...others(node), given] })) };
}

/** An event as its author asked for it, and its cursor. */
export function event(result) {
  const [name, value] = Object.entries(result.data ?? {})[0] ?? [];
  if (value === null || typeof value !== 'object') return { result };
  if (!(ADDED in value)) return { result, cursor: typeof value.cursor === 'string' ? value.cursor : undefined };
  const { [ADDED]: cursor, ...asked } = value;
  return { result: { ...result, data: { [name]: asked } }, cursor };
}

function chosen(query, operationName) {
  try {
    return getOperationAST(parse(query, { noLocation: true }), operationName ?? undefined);
  } catch {
    return null;
  }
}

/** The one root field of a subscription, where it stands there itself. */
function root({ query, operationName }) {
  const operation = chosen(query, operationName);
  const field = operation?.selectionSet.selections.find((node) => node.kind === Kind.FIELD);
  const named = field?.name.value === 'changes' && field.selectionSet;
  return named ? { operation, field, selection: field.selectionSet.selections } : {};
}

/** Whether a place to begin at is given: a cursor, or the present state. */
function begins({ variableDefinitions }, field, variables) {
  const literal = (value) => (value?.kind === Kind.NULL ? undefined : value?.value);
  const given = (name) => {
    const value = field.arguments.find((argument) => argument.name.value === name)?.value;
    if (value?.kind !== Kind.VARIABLE) return literal(value);
    const variable = value.name.value;
    if (variable in variables) return variables[variable];
    return literal(variableDefinitions.find((definition) => definition.variable.name.value === variable)?.defaultValue);
  };
  return Boolean(given('after')) || given('snapshot') === true;
}

function withCursor({ selectionSet }) {
  const cursor = {
    kind: Kind.FIELD,
    alias: { kind: Kind.NAME, value: ADDED },
    name: { kind: Kind.NAME, value: 'cursor' },
  };
  return { ...selectionSet, selections: [...selectionSet.selections, cursor] };
}

/** The document with the root field of the chosen operation changed. */
function changed({ query, operationName }, change) {
  const document = parse(query, { noLocation: true });
  const operation = getOperationAST(document, operationName ?? undefined);
  const field = operation.selectionSet.selections.find((node) => node.kind === Kind.FIELD);
  return print(visit(document, { Field: (node) => (node === field ? change(node) : undefined) }));
}
