import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const FOLDER = fileURLToPath(new URL('./page', import.meta.url));

/** Makes one HTML text of the page's sources: nothing in it is loaded from anywhere. */
export async function buildPage(): Promise<string> {
  const [html, style, script] = await Promise.all([
    readFile(`${FOLDER}/index.html`, 'utf8'),
    bundled(`${FOLDER}/style.css`),
    bundled(`${FOLDER}/main.tsx`),
  ]);
  return html
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${script}</script>`);
}

async function bundled(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    target: ['es2022', 'chrome120', 'firefox120', 'safari17'],
    minify: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    absWorkingDir: FOLDER,
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`nothing came out of ${file}`);
  // It stands inside an element that ends where its end tag does.
  return output.text.trim().replaceAll('</', '<\\/');
}
