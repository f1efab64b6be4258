// Relay: its compiler takes the schema with its nodes and connections, and what it makes of a page runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import relay from 'relay-runtime';
import { serve } from './server.mjs';

const { Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery } = relay;
const { getSingularSelector } = relay;

const require = createRequire(import.meta.url);
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** Compiles what stands in `relay/` in a folder of its own: the compiler puts what it makes under version control. */
async function compile(folder) {
  await Promise.all([
    copyFile(path('./relay/Profiles.js'), join(folder, 'Profiles.js')),
    copyFile(path('../../schema.graphql'), join(folder, 'schema.graphql')),
    mkdir(join(folder, 'artifacts')),
  ]);
  const config = {
    src: '.',
    schema: 'schema.graphql',
    language: 'javascript',
    artifactDirectory: 'artifacts',
    eagerEsModules: false,
  };
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
  const compiler = path('./node_modules/.bin/relay-compiler');
  await promisify(execFile)(compiler, ['relay.config.json'], { cwd: folder, timeout: 120_000 });
  return (name) => require(join(folder, 'artifacts', `${name}.graphql.js`));
}

test('Relay compiles, pages, refetches a node, and breaks a rule', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roamline-relay-'));
  const artifact = await compile(folder);
  const server = await serve();
  const network = Network.create(async ({ text: query }, variables) => {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  try {
    const variables = { count: 3, filter: { hasClones: true } };
    const query = artifact('ProfilesQuery');
    const operation = createOperationDescriptor(query, variables);
    const retained = environment.retain(operation);
    await fetchQuery(environment, query, variables).toPromise();
    const fragment = artifact('Profiles_page');
    const shown = () => {
      const root = environment.lookup(operation.fragment).data;
      return environment.lookup(getSingularSelector(fragment, root)).data.profiles;
    };
    assert.equal(shown().edges.length, 3);
    assert.ok(shown().pageInfo.hasNextPage);

    // The next page joins the first one under the connection's key.
    const cursor = shown().pageInfo.endCursor;
    await fetchQuery(environment, artifact('ProfilesNextQuery'), { ...variables, cursor }).toPromise();
    const ids = shown().edges.map(({ node }) => node.id);
    assert.equal(new Set(ids).size, 6, 'both pages are one list');

    // A thing by its global id alone, as Relay refetches it.
    const again = await fetchQuery(environment, artifact('ProfilesAgainQuery'), { id: ids[0] }).toPromise();
    assert.ok(again.node, 'the node is found by its id');

    const changing = (input) =>
      new Promise((onCompleted, onError) => {
        commitMutation(environment, {
          mutation: artifact('ProfilesMutation'),
          variables: { input },
          onCompleted,
          onError,
        });
      });
    const clone = { appearanceId: 'TGluZUFwcGVhcmFuY2U6ODk4', settings: { maxCalls: 9 } };
    const refused = (await changing(clone)).changeLineSettings;
    assert.deepEqual(refused.errors.map(({ code }) => code), ['LINE_IS_CLONE']);
    assert.deepEqual(refused.appearances, []);
    const done = (await changing({ ...clone, appearanceId: refused.errors[0].originalId })).changeLineSettings;
    assert.deepEqual(done.errors, []);
    assert.ok(done.appearances.length > 1, 'the clones follow');
    assert.deepEqual([...new Set(done.appearances.map(({ settings }) => settings.maxCalls))], [9]);
    retained.dispose();
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
