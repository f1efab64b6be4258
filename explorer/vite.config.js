import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** Puts a file's gzip beside it, where it saves something, so that the server has it ready. */
const compressed = {
  name: 'compressed',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        const bytes = Buffer.from(file.type === 'chunk' ? file.code : file.source);
        const gzip = gzipSync(bytes, { level: 9 });
        if (gzip.length < bytes.length * 0.9) {
          this.emitFile({ type: 'asset', fileName: `${name}.gz`, source: gzip });
        }
      }
    },
  },
};

export default defineConfig({
  // Relative, so that the page works below any path that a proxy puts it at.
  base: './',
  plugins: [compressed],
  worker: { format: 'es' },
  build: {
    assetsDir: 'explorer',
    // Whose work it is made of, and on what terms.
    license: { fileName: 'explorer/licenses.md' },
    target: 'es2022',
    // The policy allows no `data:` scripts, and a preload polyfill would be for browsers without modules.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The editor is one piece of some megabytes; it is sent compressed, once.
    chunkSizeWarningLimit: 5_000,
    rolldownOptions: {
      // `use client` is a word to other bundlers, for pages that are rendered by a server.
      onLog: (level, log, tell) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && tell(level, log),
    },
  },
  // `npm run dev` speaks to a server on its usual address.
  server: {
    proxy: {
      '/graphql': { target: 'http://127.0.0.1:8080', ws: true },
      '/schema.graphql': 'http://127.0.0.1:8080',
    },
  },
});
