// graphql-transport-ws as the reference client speaks it: operations, refusals, pings, and streams that resume.
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

/** What an operation ends with, if it is not `complete`. */
const failure = (client, query, variables = {}) =>
  new Promise((resolve, reject) => {
    client.subscribe({ query, variables }, { next() {}, error: resolve, complete: () => reject(new Error('it completed')) });
  });

const socket = (server, options = {}) =>
  createClient({ url: () => server.url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0, ...options });

test('an invalid operation is told by an error message, and the socket lives on', async () => {
  const server = await serve();
  const closed = [];
  const client = socket(server, { lazy: false, on: { closed: (event) => closed.push(event.code) } });
  try {
    for (const [query, code] of [
      ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['{', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { changes(after: "nowhere") { cursor } }', 'BAD_USER_INPUT'],
    ]) {
      const errors = await failure(client, query);
      assert.equal(errors[0].extensions.code, code, JSON.stringify(errors));
    }
    assert.deepEqual(await results(client, '{ __typename }', {}, 1), [{ __typename: 'Query' }]);
    assert.deepEqual(closed, []);
  } finally {
    await client.dispose();
    await server.stop();
  }
});

test('a bad token closes the socket with 4403, and a good one does not', async () => {
  const server = await serve({ ROAMLINE__HTTP__GUESS_MS: '0' }, { tokens: true });
  try {
    for (const connectionParams of [{ authorization: 'Bearer unheard-of' }, { token: 'unheard-of' }, undefined]) {
      const client = socket(server, { connectionParams });
      assert.equal((await failure(client, '{ __typename }')).code, 4403, JSON.stringify(connectionParams));
      await client.dispose();
    }
    const client = socket(server, { connectionParams: { authorization: `Bearer ${server.token}` } });
    assert.deepEqual(await results(client, '{ me { role } }', {}, 1), [{ me: { role: 'ADMIN' } }]);
    await client.dispose();
  } finally {
    await server.stop();
  }
});

test('an id that is in use closes the socket with 4409, after which the client does not try again', async () => {
  const server = await serve();
  let opened = 0;
  const client = socket(server, { retryAttempts: 5, generateID: () => 'same', on: { opened: () => (opened += 1) } });
  try {
    const follow = 'subscription { changes { cursor } }';
    const ends = await Promise.all([failure(client, follow), failure(client, follow)]);
    assert.deepEqual(ends.map(({ code }) => code), [4409, 4409]);
    assert.equal(opened, 1);
  } finally {
    await client.dispose();
    await server.stop();
  }
});

test('pings are answered', async () => {
  const server = await serve();
  let answered;
  const pong = new Promise((resolve) => (answered = resolve));
  const client = socket(server, { lazy: false, keepAlive: 20, on: { pong: (received) => received && answered() } });
  try {
    await pong;
  } finally {
    await client.dispose();
    await server.stop();
  }
});

test('a stream goes on after the server was stopped and started again', async () => {
  const first = await serve();
  let server = first;
  const client = socket(first, { url: () => server.url.replace('http', 'ws') });
  const follow = 'subscription($after: Cursor) { changes(after: $after) { cursor } }';
  const update = 'mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { cursor errors { code } } }';
  try {
    const [{ profiles }] = await results(client, '{ profiles(first: 1) { nodes { id } } }', {}, 1);
    const input = { id: profiles.nodes[0].id, description: 'Before the stop' };
    const [{ updateProfile: before }] = await results(client, update, { input }, 1);
    const after = `s${Number(before.cursor.slice(1)) - 1}`;

    let told;
    const event = new Promise((resolve) => (told = resolve));
    const ended = new Promise((resolve) => {
      const sink = { next: ({ data }) => told(data.changes.cursor), error: resolve, complete: () => resolve([{}]) };
      client.subscribe({ query: follow, variables: { after } }, sink);
    });
    assert.equal(await event, before.cursor);
    await first.pause();
    const [{ extensions }] = await ended;
    assert.deepEqual([extensions.code, extensions.cursor], ['RESTARTING', before.cursor]);
    assert.ok(extensions.retryMs > 0);

    server = await first.resume();
    const [{ updateProfile: since }] = await results(client, update, { input: { ...input, description: 'After it' } }, 1);
    const [{ changes }] = await results(client, follow, { after: extensions.cursor }, 1);
    assert.equal(changes.cursor, since.cursor, 'exactly what came since');
  } finally {
    await client.dispose();
    await server.stop();
  }
});

test('a socket that stays open hears of the restart by 1012', async () => {
  const server = await serve();
  let heard;
  const closed = new Promise((resolve) => (heard = resolve));
  let client;
  await new Promise((connected) => {
    client = socket(server, { lazy: false, onNonLazyError() {}, on: { connected, closed: heard } });
  });
  await server.stop();
  const { code, reason } = await closed;
  assert.equal(code, 1012);
  assert.match(reason, /^Service restart; retry in \d+ ms$/);
  await client.dispose();
});
