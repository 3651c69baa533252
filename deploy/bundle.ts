import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { buildPage } from '../src/ui/page-build.ts';

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

/**
 * An import of one of Node's own modules reads all that it exports, and so loads what Node would load when it is
 * used: `node:http` alone brings WebSocket, and with it undici and HTTP/2 (12 MB of memory, 35 ms). `require` does not.
 */
const builtinsAsNeeded: Plugin = {
  name: 'builtins-as-needed',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** From source the page is built when it is asked for; here it is built now. */
const pageAsText: Plugin = {
  name: 'page-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/ui\/page-text\.ts$/ }, async () => ({
      contents: `export async function pageText() { return ${JSON.stringify(await buildPage())}; }`,
    }));
  },
};

const outfile = 'dist/fairlead.js';
const { outputFiles } = await build({
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  write: false,
  plugins: [kubeConfigAlone, builtinsAsNeeded, pageAsText],
  // Optional accelerators that their users look for and do without.
  external: ['utf-8-validate', 'bufferutil', 'supports-color'],
  // Dependencies in CommonJS ask for Node's own modules by require.
  banner: {
    js: "import { createRequire as fairleadCreateRequire } from 'node:module'; const require = fairleadCreateRequire(import.meta.url);",
  },
});
await mkdir(dirname(outfile), { recursive: true });
// A single character beyond ASCII, as esbuild leaves it in regular expressions, and V8 keeps two bytes for each one.
const text = outputFiles[0]?.text.replace(/[^\0-\x7f]/g, escaped) ?? '';
await writeFile(outfile, text);
await chmod(outfile, 0o755);
process.stdout.write(`${outfile}: ${(text.length / 1e6).toFixed(2)} MB\n`);

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
