import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NotKnown } from '../../../src/cli/doctor/check.ts';
import { podsInFiles } from '../../../src/cli/doctor/cluster/pod-files.ts';
import { UsageError } from '../../../src/config/usage.ts';

const POD = 'kind: Pod\nmetadata: {name: web-1}\n';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-pods-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('Pods in the files of --from', () => {
  it.each([
    ['UTF-8', Buffer.from(POD)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${POD}`)],
    ['UTF-16, as PowerShell writes it', Buffer.from(`\ufeff${POD}`, 'utf16le')],
  ])('are read from %s', async (_, content) => {
    expect(podsInFiles([await file('pods.yaml', content)])).toMatchObject([{ metadata: { name: 'web-1' } }]);
  });

  it('are found in lists, between other objects', async () => {
    const items = [{ kind: 'Service' }, { kind: 'Pod' }];
    const list = JSON.stringify({ kind: 'List', items });
    const pods = JSON.stringify({ kind: 'PodList', items: [{ metadata: {} }] });
    expect(podsInFiles(['-', await file('a', list), await file('b', pods)])).toEqual([
      { kind: 'Pod' },
      { metadata: {} },
    ]);
  });

  it('are not known where no file has any', async () => {
    const path = await file('services.yaml', 'kind: Service\n');
    expect(() => podsInFiles([path, '-'])).toThrow(NotKnown);
  });

  it('are asked for in words where a file cannot be read', () => {
    const path = join(folder, 'missing.yaml');
    expect(() => podsInFiles([path])).toThrow(
      new UsageError(`--from ${path} cannot be read: no such file or directory`),
    );
  });
});
