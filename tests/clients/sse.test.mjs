// graphql-sse as the reference client speaks it, in both of its modes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'graphql-sse';
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

const follow = 'subscription($after: Cursor) { changes(after: $after) { cursor change { kind } } }';

for (const singleConnection of [false, true]) {
  const mode = singleConnection ? 'a single connection' : 'distinct connections';

  test(`queries, mutations and streams by ${mode}`, async () => {
    const server = await serve();
    const client = createClient({ url: server.url, singleConnection, retryAttempts: 0 });
    try {
      const [{ profiles }] = await results(client, '{ profiles(first: 1) { nodes { id } } }', {}, 2);
      const first = (await results(client, follow, { after: 's0' }, 3)).map(({ changes }) => changes);
      const rest = (await results(client, follow, { after: first[0].cursor }, 2)).map(({ changes }) => changes);
      assert.deepEqual(rest, first.slice(1), 'nothing is lost and nothing told twice');

      const update = 'mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { cursor errors { code } } }';
      const input = { id: profiles.nodes[0].id, description: `Seen by ${mode}` };
      const [{ updateProfile }] = await results(client, update, { input }, 2);
      assert.deepEqual(updateProfile.errors, []);

      // Two streams at once, each with its own.
      const before = `s${Number(updateProfile.cursor.slice(1)) - 1}`;
      const both = await Promise.all([results(client, follow, { after: before }, 1), results(client, follow, { after: 's0' }, 5)]);
      assert.equal(both[0][0].changes.change.kind, 'PROFILE_UPDATED');
      assert.deepEqual(both[1].slice(0, 3).map(({ changes }) => changes), first);
    } finally {
      client.dispose();
      await server.stop();
    }
  });

  test(`what is wrong with an operation by ${mode}`, async () => {
    const server = await serve();
    const client = createClient({ url: server.url, singleConnection, retryAttempts: 0 });
    try {
      if (singleConnection) {
        // Answered to the request, as the protocol says.
        await assert.rejects(results(client, '{ nothing }', {}, 1), (error) => error.response.status === 400);
      } else {
        for await (const result of client.iterate({ query: '{ nothing }' })) {
          assert.equal(result.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
        }
      }
      // The client is none the worse.
      assert.equal((await results(client, '{ __typename }', {}, 2)).length, 1);
    } finally {
      client.dispose();
      await server.stop();
    }
  });
}

test('a stop is told with the place to go on from', async () => {
  const server = await serve();
  const client = createClient({ url: server.url, retryAttempts: 0 });
  const stream = client.iterate({ query: follow, variables: { after: 's0' } });
  let last;
  for await (const { data, errors } of stream) {
    if (errors) {
      const [{ extensions }] = errors;
      assert.deepEqual([extensions.code, extensions.cursor], ['RESTARTING', last]);
      break;
    }
    if (last === undefined) server.stop().catch(() => {});
    last = data.changes.cursor;
  }
  client.dispose();
});
