// urql as a front end uses it: a page and the next one with variables, a rule that breaks, and a stream beside them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { serve } from './server.mjs';

const PAGE = gql`
  query Page($first: Int!, $after: String, $filter: ProfileFilter) {
    profiles(first: $first, after: $after, filter: $filter) {
      totalCount
      nodes { id name lines(first: 1) { nodes { id role line { id pattern } } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

const UPDATE = gql`
  mutation Update($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      profile { id description version }
      cursor
      errors { code message path currentVersion }
    }
  }
`;

const CHANGES = gql`
  subscription Changes($after: Cursor!) {
    changes(after: $after) { cursor change { kind node { id } } }
  }
`;

test('urql pages, breaks a rule, and follows', async () => {
  const server = await serve();
  const socket = createClient({ url: server.url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
  });
  const exchanges = [cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription })];
  const client = new Client({ url: server.url, exchanges, preferGetMethod: false });
  const told = async (answer) => {
    const { data, error } = await answer;
    assert.equal(error, undefined, error?.message);
    return data;
  };
  try {
    const filter = { hasClones: true };
    const first = await told(client.query(PAGE, { first: 3, filter }).toPromise());
    const { endCursor: after, hasNextPage } = first.profiles.pageInfo;
    assert.ok(hasNextPage);
    const second = await told(client.query(PAGE, { first: 3, after, filter }).toPromise());
    const ids = [first, second].flatMap(({ profiles }) => profiles.nodes.map(({ id }) => id));
    assert.equal(new Set(ids).size, 6, 'no profile stands on both pages');

    const refused = await told(client.mutation(UPDATE, { input: { id: ids[0], expectedVersion: 99 } }).toPromise());
    assert.equal(refused.updateProfile.profile, null);
    const [error] = refused.updateProfile.errors;
    assert.equal(error.code, 'VERSION_CONFLICT');
    assert.ok(error.message && error.currentVersion > 0);

    const input = { id: ids[0], expectedVersion: error.currentVersion, description: 'By urql' };
    const { updateProfile } = await told(client.mutation(UPDATE, { input }).toPromise());
    assert.deepEqual(updateProfile.errors, []);
    assert.equal(updateProfile.profile.description, 'By urql');

    const before = `s${Number(updateProfile.cursor.slice(1)) - 1}`;
    const event = await new Promise((resolve) => {
      const { unsubscribe } = client.subscription(CHANGES, { after: before }).subscribe((result) => {
        queueMicrotask(() => unsubscribe());
        resolve(result);
      });
    });
    const { changes } = await told(event);
    assert.equal(changes.cursor, updateProfile.cursor);
    assert.equal(changes.change.kind, 'PROFILE_UPDATED');
    assert.equal(changes.change.node.id, ids[0]);
  } finally {
    await socket.dispose();
    await server.stop();
  }
});
