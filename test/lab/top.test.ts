import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMPILE_CACHE } from './compile-cache.ts';
import { eventually } from './deadline.ts';
import { LiveNode } from './live-node.ts';
import { service, slices } from './manifest.ts';
import { describeLab } from './suite.ts';

const MAIN = process.env['FAIRLEAD_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));

await describeLab('fairlead top beside a running fairlead', () => {
  let node: LiveNode;

  beforeAll(async () => {
    node = await LiveNode.create({ objects: service('hostnames', { n: 10, endpoints: ['pod-a', 'pod-b'] }) });
    await (await node.start()).synced();
  }, 60_000);
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
  });

  /** Waits for a frame that has this text, and gives it. */
  const frameWith = (text: string | RegExp) =>
    eventually(`a frame with ${text}`, async () => {
      const frame = await node.namespace.run([process.execPath, MAIN, 'top', '--once'], {
        env: { ...COMPILE_CACHE, NO_COLOR: '1' },
      });
      return frame.search(text) < 0 ? undefined : frame;
    });

  it('shows the node and its first sync', async () => {
    const frame = await frameWith('iptables mode');
    expect(frame).toMatch(/^fairlead \S+ on node-1/);
    expect(frame).toMatch(/^1 Service$/m);
    expect(frame).toMatch(/^IPv4 +1 +2 +\d/m);
    expect(frame).toMatch(/^IPv6 +1 +2 +\d/m);
    expect(frame).not.toContain('Trouble');
  });

  it('shows which Service has changed', async () => {
    for (const slice of slices('hostnames', ['pod-a', 'pod-d'])) node.api.put(slice);
    await frameWith(/ default\/hostnames +\d+ +\S+ m?s +\d+$/m);
  });
});
