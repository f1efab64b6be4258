// What is read of a request's cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costed } from '../src/cost.js';

const throttle = { maximum: 5000, available: 4973, restoreRate: 1 };

test('the cost of an answer is told apart from the answer', () => {
  const cost = { requested: 281, actual: 27, maximum: 5000, throttle };
  const told = { requested: 281, actual: 27, left: '4973 of 5000' };
  assert.deepEqual(costed({ data: { a: 1 }, extensions: { cost } }), { result: { data: { a: 1 } }, cost: told });
  const other = { data: null, extensions: { cost: { requested: 1 }, trace: 2 } };
  const expected = { result: { data: null, extensions: { trace: 2 } }, cost: { requested: 1, actual: null, left: null } };
  assert.deepEqual(costed(other), expected);
});

test('a refusal keeps its cost, which is told as well', () => {
  const refused = { errors: [{ message: 'too dear', extensions: { code: 'THROTTLED', cost: { requested: 61, throttle } } }] };
  assert.deepEqual(costed(refused), { result: refused, cost: { requested: 61, actual: null, left: '4973 of 5000' } });
});

test('no cost is no cost', () => {
  for (const result of [{ data: {} }, { errors: [{ message: 'no' }] }, { data: {}, extensions: { a: 1 } }, null, 7]) {
    assert.deepEqual(costed(result), { result, cost: null });
  }
});
