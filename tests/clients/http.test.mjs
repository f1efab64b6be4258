// GraphQL over HTTP as the audit of graphql-http checks it: every point, in the classic edition.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditServer } from 'graphql-http';
import { serve } from './server.mjs';

test('the audit passes whole', async () => {
  const server = await serve();
  try {
    const results = await auditServer({ url: server.url });
    const wanting = results.filter(({ status }) => status !== 'ok');
    assert.deepEqual(wanting.map(({ id, name, reason }) => `${id} ${name}: ${reason}`), []);
    assert.ok(results.length > 50, `${results.length} points were checked`);
  } finally {
    await server.stop();
  }
});
