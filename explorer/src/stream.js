// The stream that is being followed: events as they come, the cursor of the last one, and how to go on after it.
//
// Nothing is tried again behind the user's back: a stream that breaks off says so, keeps its cursor, and goes on
// when it is told to. Since a stream that begins now is begun at the newest cursor, that holds even where it
// breaks off before its first event.
import { createClient } from 'graphql-ws';
import { Cell } from './cell.js';
import { event, from, resumable } from './operation.js';
import { GRAPHQL, ask } from './server.js';
import { credentials } from './token.js';

/** Events shown; of those before them only the number is kept. */
const SHOWN = 100;
/** Milliseconds between two looks of the page at a busy stream. */
const PAUSE = 100;
/** Milliseconds between signs of life, and how long one is waited for. */
const PULSE = 10_000;
const PATIENCE = 5_000;

/** `phase` is `none`, `connecting`, `following`, `stopped` or `broken`; `why` says why it is not following. */
export const stream = new Cell({ phase: 'none', received: 0, cursor: null, why: null });

/** The operation that was followed last, and what came of it so far. */
let last = null;
/** Set while the editor is told to run what was followed before. */
let resuming = false;

/** What the editor follows for a subscription. */
export function follow(request) {
  if (resuming && last) return following(last, true);
  last = { ...resumable(request), cursor: null, received: 0, events: [] };
  return following(last, false);
}

/** Lets `run`, which has the editor run, go on after the last cursor. */
export async function resume(run) {
  resuming = true;
  try {
    await run();
  } finally {
    resuming = false;
  }
}

function following(followed, again) {
  return { subscribe: (observer) => ({ unsubscribe: begin(followed, again, observer) }) };
}

/** Opens a socket of its own; answers how to stop. */
function begin(followed, again, observer) {
  let over = false;
  let shown = null;
  let unsubscribe = () => {};
  let client = null;

  const show = () => {
    clearTimeout(shown);
    shown = null;
    observer.next({ received: followed.received, newestFirst: followed.events });
    stream.merge({ received: followed.received, cursor: followed.cursor });
  };
  const end = (phase, why, problem) => {
    if (over) return;
    over = true;
    if (shown) show();
    client?.dispose();
    stream.merge({ phase, why });
    if (phase === 'stopped') return;
    if (problem && followed.received === 0) observer.next(problem);
    observer.complete();
  };
  const next = (result) => {
    if (over) return;
    const told = event(result);
    followed.received += 1;
    followed.cursor = told.cursor ?? followed.cursor;
    followed.events = [told.result, ...followed.events].slice(0, SHOWN);
    shown ??= setTimeout(show, PAUSE);
  };

  const start = async () => {
    if (!followed.begins && !followed.cursor) {
      // From now on: from the newest cursor on, so that now is a place to come back to.
      const { result } = await ask({ query: '{ service { newestCursor } }' });
      if (over) return;
      followed.cursor = result.data?.service.newestCursor ?? null;
      if (!followed.cursor) return end('broken', reason(result.errors), result);
      stream.merge({ cursor: followed.cursor });
    }
    client = open(() => over || stream.merge({ phase: 'following' }));
    const request = followed.cursor ? from(followed.request, followed.cursor) : followed.request;
    unsubscribe = client.subscribe(request, {
      next,
      error: (problem) => end('broken', reason(problem), Array.isArray(problem) ? { errors: problem } : undefined),
      complete: () => end('broken', 'the server ended it'),
    });
  };

  if (!again) stream.set({ phase: 'connecting', received: 0, cursor: null, why: null });
  else stream.merge({ phase: 'connecting', why: null });
  start().catch((problem) => end('broken', reason(problem), { errors: [{ message: reason(problem) }] }));

  return () => {
    end('stopped', 'you stopped it');
    unsubscribe();
  };
}

/** A client with one socket, which breaks off when the other side is silent. */
function open(opened) {
  let socket = null;
  let silence = null;
  return createClient({
    url: GRAPHQL.href.replace(/^http/, 'ws'),
    connectionParams: credentials,
    retryAttempts: 0,
    keepAlive: PULSE,
    on: {
      opened: (it) => (socket = it),
      connected: opened,
      closed: () => clearTimeout(silence),
      ping: (received) => {
        if (!received) silence = setTimeout(() => socket?.close(4408, 'no sign of life'), PATIENCE);
      },
      pong: (received) => received && clearTimeout(silence),
    },
  });
}

/** Why a stream ended, in a few words. */
function reason(problem) {
  if (Array.isArray(problem)) return problem[0]?.message ?? 'the server refused it';
  switch (problem?.code) {
    case 1006:
      return 'the connection was lost';
    case 1012:
      return 'the server is restarting';
    case 4403:
      return 'the token is missing or was refused';
    default:
      return problem?.reason || problem?.message || 'the connection ended';
  }
}
