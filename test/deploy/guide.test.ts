import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { ROOT } from './dockerfile.ts';
import { kubectlHindrance, type Manifest, rendered } from './kubectl.ts';
import { allContainers, configFiles, podSpec } from './manifests.ts';

const hindrance = await kubectlHindrance();

describe.skipIf(hindrance !== undefined)(
  hindrance === undefined ? 'deploy/README.md' : `deploy/README.md (skipped: ${hindrance})`,
  () => {
    let folder: string;

    /** A folder beside the checkout, with the files that the guide says, and perhaps more. */
    const following = async (name: string, more: Readonly<Record<string, string>> = {}) => {
      await mkdir(join(folder, name));
      const files = [...(await guideFiles(name)), ...Object.entries(more)];
      await Promise.all(files.map(([file, text]) => writeFile(join(folder, name, file), text)));
      return rendered(join(folder, name));
    };

    beforeAll(async () => {
      const cache = join(ROOT, 'node_modules/.cache');
      await mkdir(cache, { recursive: true });
      folder = await mkdtemp(join(cache, 'fairlead-guide-'));
      await symlink(ROOT, join(folder, 'fairlead'));
    });

    afterAll(async () => {
      await rm(folder, { recursive: true });
    });

    it('brings Fairlead to labelled nodes of a kubeadm cluster, with the ConfigMap of kube-proxy', async () => {
      const objects = await following('my-cluster');
      expectOwnImage(objects);
      expect(podSpec(objects).nodeSelector).toEqual({
        'kubernetes.io/os': 'linux',
        'service-proxy': 'fairlead',
      });
      expect(podSpec(objects).volumes?.[0]?.configMap?.name).toBe('kube-proxy');
    });

    it('brings it to other clusters with a configuration of their own', async () => {
      const own = { 'config.conf': 'the configuration\n', 'kubeconfig.conf': 'the way to the API server\n' };
      const objects = await following('other-cluster', own);
      expectOwnImage(objects);
      expect(Object.fromEntries(configFiles(objects))).toEqual(own);
    });

    it('names every alert', async () => {
      const rules = await readFile(join(ROOT, 'deploy/monitoring/rules.yaml'), 'utf8');
      const alerts = [...rules.matchAll(/^ {2}- alert: (\w+)$/gm)].map(([, name]) => name);
      const guide = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
      const named = [...guide.matchAll(/^\| (\w+) +\| (?:critical|warning|info) /gm)].map(([, name]) => name);
      expect(named).toEqual(alerts);
    });
  },
);

/** The code blocks of the guide that begin with their path in a folder. */
async function guideFiles(name: string): Promise<readonly (readonly [file: string, text: string])[]> {
  const guide = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
  const blocks = guide.matchAll(/^```yaml\n# (\S+)\/(\S+)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, owner, file = '', text = '']) =>
    owner === name ? [[file, text] as const] : [],
  );
}

function expectOwnImage(objects: readonly Manifest[]): void {
  for (const { image } of allContainers(objects))
    expect(image).toBe(`registry.example.org/fairlead:${pkg.version}`);
}
