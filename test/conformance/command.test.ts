import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, expect, it } from 'vitest';
import { corpusCases } from '../lab/corpus.ts';
import { differences } from './compare/dump.ts';
import { readIptablesSave } from './compare/iptables-save.ts';
import { caseFlags, dryRunCase } from './in-process.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const EXPECTED = new URL('../../fixtures/kube-proxy-1.36/nodeport-addresses-cidr/expected/', import.meta.url);

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))));

async function flags(): Promise<readonly string[]> {
  const found = (await corpusCases()).find(({ name }) => name === 'nodeport-addresses-cidr');
  return found ? caseFlags(found) : expect.fail('the case is not in the corpus');
}

it('fairlead --dry-run --output-dir writes the files of the corpus, equal to them, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-conformance-'));
  folders.push(folder);
  const args = [MAIN, ...(await flags()), '--output-dir', folder];
  const { exitCode, stdout, stderr } = await execa(process.execPath, args, { reject: false });
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect((await readdir(folder)).sort()).toEqual(['ip6tables-save.txt', 'iptables-save.txt']);
  for (const file of await readdir(folder)) {
    const expected = readIptablesSave(await readFile(new URL(file, EXPECTED), 'utf8'));
    expect(differences(expected, readIptablesSave(await readFile(join(folder, file), 'utf8')))).toEqual([]);
  }
});

it('fairlead --dry-run prints the same to stdout, a section for each tool', async () => {
  const { stdout } = await execa(process.execPath, [MAIN, ...(await flags())], { stripFinalNewline: false });
  const found = (await corpusCases()).find(({ name }) => name === 'nodeport-addresses-cidr');
  const sections = found ? dryRunCase(found) : [];
  expect(stdout).toBe(sections.map(({ tool, text }) => `# ${tool}\n${text}`).join(''));
  expect(sections.map(({ tool }) => tool)).toEqual(['iptables-save', 'ip6tables-save']);
});
