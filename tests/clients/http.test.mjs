// GraphQL over HTTP as the audit of graphql-http checks it, in both editions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditServer } from 'graphql-http';
import { serve } from './server.mjs';

/** What the audit finds wanting, and how much it looked at. */
async function audit(settings) {
  const server = await serve(settings);
  try {
    const results = await auditServer({ url: server.url });
    assert.ok(results.length > 50, `${results.length} points were checked`);
    return results.filter(({ status }) => status !== 'ok');
  } finally {
    await server.stop();
  }
}

test('the classic edition passes whole', async () => {
  const wanting = await audit({});
  assert.deepEqual(wanting.map(({ id, name, reason }) => `${id} ${name}: ${reason}`), []);
});

test('the draft of 2026 differs where it changed, and nowhere else', async () => {
  // The audit checks what the draft said before: 400 where 422 is due now, 200 to clients of plain JSON, and plain JSON
  // to those who name no type (47DE, 80D8).
  const wanting = await audit({ ROAMLINE__HTTP__STATUSES: 'draft-2026' });
  assert.deepEqual(wanting.filter(({ status }) => status === 'error').map(({ id, name }) => `${id} ${name}`), []);
  const others = wanting.filter(({ name, reason }) => !/status/i.test(`${name} ${reason}`));
  assert.deepEqual(others.map(({ id }) => id), ['47DE', '80D8']);
  assert.equal(wanting.length, 24, wanting.map(({ id, name }) => `${id} ${name}`).join('\n'));
});
