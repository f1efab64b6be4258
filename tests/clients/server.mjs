// The real server on a fresh database with the sample estate, ended by its pid.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Starts a server; answers its address and how to stop it. */
export async function serve(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'roamline-'));
  const environment = {
    ROAMLINE__DATABASE__URL: `sqlite://${join(folder, 'test.db')}`,
    ROAMLINE__LOG__LEVEL: 'error',
    ...settings,
  };
  const program = process.env.ROAMLINE ?? join(root, 'target/debug/roamline');
  const server = spawn(
    program,
    ['serve', '--sample', join(root, 'examples/acme'), '--no-auth', '--listen', '127.0.0.1:0'],
    { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => server.once('exit', resolve));
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /http:\/\/([^/]+)\//.exec(line)?.[1];
    if (address) {
      const stop = async () => {
        server.kill('SIGTERM');
        await ended;
        await rm(folder, { recursive: true });
      };
      return { address, url: `http://${address}/graphql`, stop };
    }
  }
  throw new Error('the server ended before it listened');
}
