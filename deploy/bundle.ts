import { chmodSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';

/**
 * Of the client library only KubeConfig is used: kubeconfig files, authentication and TLS. Its index would bring a
 * class for every kind of the API (tens of MB of memory), and its own requests go through undici (1.4 MB), while
 * Fairlead's do not (src/cluster/connection.ts). Both are left out, and say so if that should ever change.
 */
const kubeConfigAlone: Plugin = {
  name: 'kube-config-alone',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ importer, kind, resolveDir }) =>
      resolve('@kubernetes/client-node/dist/config.js', { importer, kind, resolveDir }),
    );
    onResolve({ filter: /^undici$|\/gen\// }, ({ path, importer }) =>
      importer.includes('/@kubernetes/client-node/') ? { path, namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get(_, name) {
        return function () { throw new Error(String(name) + ' of ${path} is not part of this bundle'); };
      } });`,
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
  plugins: [kubeConfigAlone],
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
