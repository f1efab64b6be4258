// The real server on a fresh database with the sample estate, ended by its pid.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Starts a server; answers its address and how to stop it. With `tokens` it asks for them, and the first one, an
 * administrator's, is answered too. `pause` stops it and leaves its database, `resume` answers a server that goes on
 * with that.
 */
export async function serve(settings = {}, { tokens = false } = {}) {
  return start(await mkdtemp(join(tmpdir(), 'roamline-')), settings, tokens);
}

async function start(folder, settings, tokens) {
  const environment = {
    ROAMLINE__DATABASE__URL: `sqlite://${join(folder, 'test.db')}`,
    ROAMLINE__LOG__LEVEL: 'error',
    ...settings,
  };
  const program = process.env.ROAMLINE ?? join(root, 'target/debug/roamline');
  const server = spawn(
    program,
    ['serve', '--sample', join(root, 'examples/acme'), '--listen', '127.0.0.1:0', ...(tokens ? [] : ['--no-auth'])],
    { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => server.once('exit', resolve));
  let address;
  for await (const line of createInterface({ input: server.stdout })) {
    address ??= /http:\/\/([^/]+)\//.exec(line)?.[1];
    const token = /administrator's token, .*: (\S+)$/.exec(line)?.[1];
    if (address && (token || !tokens)) {
      const pause = async () => {
        server.kill('SIGTERM');
        await ended;
      };
      const stop = async () => {
        await pause();
        await rm(folder, { recursive: true });
      };
      const resume = () => start(folder, settings, tokens);
      return { address, url: `http://${address}/graphql`, token, stop, pause, resume };
    }
  }
  throw new Error('the server ended before it listened');
}
