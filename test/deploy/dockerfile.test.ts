import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { copies, ROOT, readDockerfile, readPackages } from './dockerfile.ts';

const dockerfile = await readDockerfile();
const { final, stages, args } = dockerfile;

describe('deploy/Dockerfile', () => {
  it('has the Node that everything is tested with', () => {
    expect(args.get('NODE')).toBe(pkg.devDependencies.node);
    const node = stages.filter(({ from }) => from.startsWith('node:'));
    expect(node.map(({ from }) => from)).toEqual(
      node.map(() => `node:${pkg.devDependencies.node}-bookworm-slim`),
    );
  });

  it('can be built for every architecture: the bundle where it is fastest, all else on its own', () => {
    expect(stages.map(({ name, platform }) => [name, platform])).toEqual([
      ['bundle', '$BUILDPLATFORM'],
      ['node', undefined],
      [undefined, undefined],
    ]);
    expect(final.from).toBe('debian:bookworm-slim');
  });

  it('installs the packages of packages.txt, and names none itself', async () => {
    const [install, ...more] = final.instructions.filter(({ text }) => text.includes('apt-get install'));
    expect(more).toEqual([]);
    expect(install?.text).toContain('source=deploy/image/packages.txt,target=/tmp/packages.txt');
    expect(install?.text).toContain("sed 's/#.*//' /tmp/packages.txt | xargs apt-get install -y");
    for (const name of await readPackages()) expect(install?.text).not.toContain(` ${name} `);
  });

  it('copies what exists, and what .dockerignore lets through', async () => {
    const ignore = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n');
    expect(ignore.filter((line) => !/^(#|!|$)/.test(line))).toEqual(['*']);
    const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const sources = stages
      .flatMap((stage) => copies(stage))
      .flatMap((copy) => (copy.stage === undefined ? copy.sources : []));
    expect([...sources, 'deploy/image/packages.txt'].sort()).toEqual(allowed.sort());
    await Promise.all(allowed.map((path) => access(join(ROOT, path))));
  });

  it('takes from other stages what they have', () => {
    const taken = copies(final).filter(({ stage }) => stage !== undefined);
    expect(taken).toEqual([
      { stage: 'node', sources: ['/usr/local/bin/node'], target: '/usr/local/bin/node' },
      {
        stage: 'bundle',
        sources: ['/fairlead/dist/fairlead.js'],
        target: '/usr/local/lib/fairlead/fairlead.mjs',
      },
    ]);
  });
});
