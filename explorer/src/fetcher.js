// How the editor's requests reach the server: subscriptions over a WebSocket, everything else over HTTP.
import { kind, settled } from './operation.js';
import { ask, lastRequest } from './server.js';
import { follow } from './stream.js';

export function fetcher({ query, variables, operationName }) {
  const request = settled({ query, variables, operationName: operationName ?? undefined });
  return kind(request) === 'subscription' ? follow(request) : answer(request);
}

async function answer(request) {
  const { result, about } = await ask(request);
  // The editor's own question about the schema is not the user's.
  if (request.operationName !== 'IntrospectionQuery') lastRequest.set(about);
  return result;
}
