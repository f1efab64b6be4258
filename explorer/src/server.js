// This server, over HTTP: where it is, and how it is asked.
import { Cell } from './cell.js';
import { credentials } from './token.js';

export const GRAPHQL = new URL('graphql', document.baseURI);
export const SCHEMA = new URL('schema.graphql', document.baseURI);

/** The last request of the user: its status, how long it took, how large its answer was, and what it cost. */
export const lastRequest = new Cell(null);

/** Asks; answers the result with what is to be told about it. */
export async function ask(request) {
  const began = performance.now();
  const response = await fetch(GRAPHQL, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...credentials(),
    },
    body: JSON.stringify(request),
    referrerPolicy: 'no-referrer',
  });
  const text = await response.text();
  const about = {
    status: response.status,
    ms: performance.now() - began,
    bytes: new TextEncoder().encode(text).length,
    errors: 0,
    cost: null,
  };
  let result;
  try {
    result = JSON.parse(text);
  } catch {
    result = { errors: [{ message: `${response.status} ${response.statusText}: ${text.slice(0, 500)}` }] };
  }
  return { result, about: { ...about, errors: result.errors?.length ?? 0, cost: cost(result) } };
}

/** The cost in an answer's extensions: a number, or what was asked for and what it came to. */
function cost(result) {
  const cost = result?.extensions?.cost;
  if (typeof cost === 'number') return { requested: cost, actual: null };
  if (cost === null || typeof cost !== 'object') return null;
  const requested = cost.requested ?? cost.requestedCost ?? cost.estimated;
  const actual = cost.actual ?? cost.actualCost;
  return requested === undefined && actual === undefined ? null : { requested, actual };
}
