import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Manifest } from './kubectl.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * What is wrong with objects by the API's schema: fields that do not exist, are missing, or have the wrong type; one
 * line each. The client library's types are generated from that schema, so the compiler knows it.
 */
export async function schemaFaults(objects: readonly Manifest[]): Promise<readonly string[]> {
  const cache = join(ROOT, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  // Within the repository, where the compiler finds the client library.
  const folder = await mkdtemp(join(cache, 'fairlead-schema-'));
  try {
    const types = [...new Set(objects.map(typeName))];
    await writeFile(
      join(folder, 'objects.ts'),
      [
        `import type { ${types.join(', ')} } from '@kubernetes/client-node';`,
        ...objects.map(
          (object, i) => `export const object${i}: ${typeName(object)} = ${JSON.stringify(object, null, 1)};`,
        ),
      ].join('\n'),
    );
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['objects.ts'] }),
    );
    const { stdout } = await execa(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      reject: false,
    });
    return stdout.split('\n').filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true });
  }
}

const compilerOptions = {
  strict: true,
  noEmit: true,
  target: 'ES2024',
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  types: ['node'],
  skipLibCheck: true,
};

/** V1DaemonSet: the library has the kinds of all groups side by side. */
function typeName({ apiVersion, kind }: Manifest): string {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
}
