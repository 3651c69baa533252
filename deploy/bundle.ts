import { chmodSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';

/**
 * Bundles the program into dist/fairlead.js: one file that needs nothing but Node.
 *
 * The client library's index pulls in a class for every kind of the API (tens of MB of memory). Only KubeConfig is
 * used, and none of its modules does anything by being loaded, so what is not used can be left out.
 */
const withoutSideEffects: Plugin = {
  name: 'without-side-effects',
  setup({ onResolve, resolve }) {
    const resolved = Symbol('resolved');
    onResolve({ filter: /.*/ }, async (args) => {
      if (args.pluginData === resolved) return undefined;
      const fromClient = args.importer.includes('/@kubernetes/client-node/');
      if (!fromClient && args.path !== '@kubernetes/client-node') return undefined;
      const { path, importer, kind, resolveDir } = args;
      const result = await resolve(path, { importer, kind, resolveDir, pluginData: resolved });
      return result.errors.length > 0 ? { errors: result.errors } : { ...result, sideEffects: false };
    });
  },
};

/**
 * The client library's own requests go through undici (1.4 MB); Fairlead's do not (src/cluster/connection.ts), and
 * this says so if that should ever change.
 */
const withoutUndici: Plugin = {
  name: 'without-undici',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ path }) => ({
      path,
      namespace: 'without-undici',
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: 'without-undici' }, () => ({
      contents: ['Agent', 'ProxyAgent', 'fetch', 'Headers', 'FormData']
        .map((name) => `export function ${name}() { throw new Error('undici is not part of this bundle'); }`)
        .join('\n'),
    }));
  },
};

const outfile = 'dist/fairlead.js';
const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  plugins: [withoutUndici, withoutSideEffects],
  // Optional accelerators that their users look for and do without.
  external: ['utf-8-validate', 'bufferutil', 'supports-color'],
  // Dependencies in CommonJS ask for Node's own modules by require.
  banner: {
    js: "import { createRequire as fairleadCreateRequire } from 'node:module'; const require = fairleadCreateRequire(import.meta.url);",
  },
});
chmodSync(outfile, 0o755);
const bytes = metafile.outputs[outfile]?.bytes ?? 0;
process.stdout.write(`${outfile}: ${(bytes / 1e6).toFixed(2)} MB\n`);
