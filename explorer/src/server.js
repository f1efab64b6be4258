// This server, over HTTP: where it is, and how it is asked.
import { Cell } from './cell.js';
import { costed } from './cost.js';
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
    body: JSON.stringify({ ...request, extensions: { cost: true } }),
    referrerPolicy: 'no-referrer',
  });
  const text = await response.text();
  const ms = performance.now() - began;
  let answered;
  try {
    answered = JSON.parse(text);
  } catch {
    answered = { errors: [{ message: `${response.status} ${response.statusText}: ${text.slice(0, 500)}` }] };
  }
  const { result, cost } = costed(answered);
  const bytes = new TextEncoder().encode(text).length;
  return { result, about: { status: response.status, ms, bytes, errors: result?.errors?.length ?? 0, cost } };
}
