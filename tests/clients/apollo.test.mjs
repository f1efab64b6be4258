// Apollo Client as a front end uses it: its cache joins the pages of a connection, a mutation's answer updates what is
// shown, a broken rule is data, and a stream comes over the WebSocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition, relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { serve } from './server.mjs';

const PAGE = gql`
  query Page($first: Int!, $after: String, $filter: ProfileFilter) {
    profiles(first: $first, after: $after, filter: $filter) {
      edges { cursor node { id name description users { nodes { id userId } } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

const UPDATE = gql`
  mutation Update($input: UpdateProfileInput!) {
    updateProfile(input: $input) { profile { id description version } cursor errors { code message path } }
  }
`;

const CHANGES = gql`
  subscription Changes($after: Cursor!) {
    changes(after: $after) { cursor change { kind node { id } } }
  }
`;

test('Apollo Client joins pages, breaks a rule, and follows', async () => {
  const server = await serve();
  const socket = createClient({ url: server.url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  const client = new ApolloClient({
    cache: new InMemoryCache({ typePolicies: { Query: { fields: { profiles: relayStylePagination(['filter']) } } } }),
    link: ApolloLink.split(
      ({ query }) => getMainDefinition(query).operation === 'subscription',
      new GraphQLWsLink(socket),
      new HttpLink({ uri: server.url }),
    ),
  });
  try {
    const variables = { first: 3, filter: { hasUsers: true } };
    const shown = client.watchQuery({ query: PAGE, variables });
    const showing = shown.subscribe(() => {});
    const { data: first } = await client.query({ query: PAGE, variables });
    const after = first.profiles.pageInfo.endCursor;
    await shown.fetchMore({ variables: { after } });
    const { edges } = client.readQuery({ query: PAGE, variables }).profiles;
    assert.equal(new Set(edges.map(({ node }) => node.id)).size, 6, 'both pages are one list');

    const { id } = edges[0].node;
    const broken = { id, description: 'x'.repeat(200) };
    const refused = await client.mutate({ mutation: UPDATE, variables: { input: broken } });
    assert.equal(refused.data.updateProfile.profile, null);
    assert.deepEqual(refused.data.updateProfile.errors.map(({ code, path }) => [code, path]), [
      ['VALUE_TOO_LONG', ['description']],
    ]);

    const input = { id, description: 'By Apollo' };
    const done = await client.mutate({ mutation: UPDATE, variables: { input } });
    assert.deepEqual(done.data.updateProfile.errors, []);
    const { node } = client.readQuery({ query: PAGE, variables }).profiles.edges[0];
    assert.equal(node.description, 'By Apollo', 'the list shows what the mutation answered');

    const { cursor } = done.data.updateProfile;
    const before = `s${Number(cursor.slice(1)) - 1}`;
    const event = await new Promise((resolve, reject) => {
      const following = client.subscribe({ query: CHANGES, variables: { after: before } }).subscribe({
        next(result) {
          queueMicrotask(() => following.unsubscribe());
          resolve(result);
        },
        error: reject,
      });
    });
    assert.equal(event.error, undefined, event.error?.message);
    assert.equal(event.data.changes.cursor, cursor);
    assert.equal(event.data.changes.change.node.id, id);
    showing.unsubscribe();
  } finally {
    client.stop();
    await socket.dispose();
    await server.stop();
  }
});
