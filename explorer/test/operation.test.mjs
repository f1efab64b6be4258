// What the page changes about an operation before it is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, print } from 'graphql';
import { event, from, kind, resumable, settled } from '../src/operation.js';

/** The same whatever the spaces. */
const plain = (query) => print(parse(query));

test('the kind of an operation is told, where it can be', () => {
  assert.equal(kind({ query: '{ a }' }), 'query');
  assert.equal(kind({ query: 'query A { a } mutation B { b }', operationName: 'B' }), 'mutation');
  assert.equal(kind({ query: 'query A { a } mutation B { b }' }), undefined);
  assert.equal(kind({ query: 'subscription {' }), undefined);
});

test('a name that the editor has not caught up with is put right', () => {
  const one = 'query New { a }';
  assert.equal(settled({ query: one, operationName: 'Old' }).operationName, 'New');
  assert.equal(settled({ query: '{ a }', operationName: 'Old' }).operationName, undefined);
  assert.equal(settled({ query: 'query A { a } query B { b }', operationName: 'B' }).operationName, 'B');
  assert.equal(settled({ query: '{', operationName: 'Old' }).operationName, 'Old');
});

test('a stream carries its cursor, and shows it only where it was asked for', () => {
  const asked = 'subscription { changes { cursor at } }';
  assert.equal(resumable({ query: asked }).request.query, asked);
  const { request } = resumable({ query: 'subscription { c: changes(after: "s1") { at } }' });
  assert.equal(plain(request.query), plain('subscription { c: changes(after: "s1") { at resumeCursor: cursor } }'));
  assert.deepEqual(event({ data: { c: { at: 1, resumeCursor: 's2' } } }), {
    result: { data: { c: { at: 1 } } },
    cursor: 's2',
  });
  assert.deepEqual(event({ data: { c: { cursor: 's3' } } }), { result: { data: { c: { cursor: 's3' } } }, cursor: 's3' });
  assert.deepEqual(event({ data: null, errors: [] }), { result: { data: null, errors: [] } });
});

test('where a stream begins is read from arguments and variables', () => {
  for (const [query, variables, begins] of [
    ['subscription { changes { at } }', undefined, false],
    ['subscription { changes(after: null) { at } }', undefined, false],
    ['subscription { changes(snapshot: false) { at } }', undefined, false],
    ['subscription { changes(snapshot: true) { at } }', undefined, true],
    ['subscription { changes(after: "s1") { at } }', undefined, true],
    ['subscription ($a: Cursor) { changes(after: $a) { at } }', {}, false],
    ['subscription ($a: Cursor) { changes(after: $a) { at } }', { a: 's1' }, true],
    ['subscription ($a: Cursor = "s1") { changes(after: $a) { at } }', {}, true],
    ['subscription ($a: Cursor = "s1") { changes(after: $a) { at } }', { a: null }, false],
    ['subscription ($s: Boolean!) { changes(snapshot: $s) { at } }', { s: true }, true],
  ]) {
    assert.equal(resumable({ query, variables }).begins, begins, query);
  }
});

test('a stream goes on from a cursor, in an argument or the variable that stood there', () => {
  const filter = 'filter: {nouns: [LINE]}';
  assert.equal(
    plain(from({ query: `subscription { changes(${filter}) { at } }` }, 's7').query),
    plain(`subscription { changes(${filter}, after: "s7") { at } }`),
  );
  assert.equal(
    plain(from({ query: 'subscription { changes(after: "s1", snapshot: true) { at } }' }, 's7').query),
    plain('subscription { changes(snapshot: true, after: "s7") { at } }'),
  );
  const query = 'subscription ($a: Cursor, $b: Int) { changes(after: $a) { at } }';
  assert.deepEqual(from({ query, variables: { a: 's1', b: 2 } }, 's7'), { query, variables: { a: 's7', b: 2 } });
  const two = 'subscription A { changes { at } } subscription B { changes { at } }';
  assert.equal(
    plain(from({ query: two, operationName: 'B' }, 's7').query),
    plain('subscription A { changes { at } } subscription B { changes(after: "s7") { at } }'),
  );
});
