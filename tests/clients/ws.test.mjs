// graphql-transport-ws as the reference client speaks it: a query, a mutation, and a stream that resumes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { serve } from './server.mjs';

/** The first `count` results of an operation. */
async function results(client, query, variables, count) {
  const got = [];
  for await (const result of client.iterate({ query, variables })) {
    assert.equal(result.errors, undefined, JSON.stringify(result.errors));
    got.push(result.data);
    if (got.length === count) break;
  }
  return got;
}

test('a stream goes on where it was left', async () => {
  const server = await serve();
  const client = createClient({ url: server.url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  try {
    const [{ profiles }] = await results(client, '{ profiles(first: 1) { nodes { id } } }', {}, 1);
    const follow = 'subscription($after: Cursor) { changes(after: $after) { cursor change { kind } } }';
    const first = (await results(client, follow, { after: 's0' }, 3)).map(({ changes }) => changes);
    const rest = (await results(client, follow, { after: first[0].cursor }, 2)).map(({ changes }) => changes);
    assert.deepEqual(rest, first.slice(1), 'nothing is lost and nothing told twice');

    const update = 'mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { cursor errors { code } } }';
    const input = { id: profiles.nodes[0].id, description: 'Seen from outside' };
    const [{ updateProfile }] = await results(client, update, { input }, 1);
    assert.deepEqual(updateProfile.errors, []);
    const before = `s${Number(updateProfile.cursor.slice(1)) - 1}`;
    const [{ changes }] = await results(client, follow, { after: before }, 1);
    assert.equal(changes.change.kind, 'PROFILE_UPDATED');
  } finally {
    await client.dispose();
    await server.stop();
  }
});
