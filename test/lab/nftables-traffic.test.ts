import { expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { tally } from './answers.ts';
import { NFTABLES } from './dataplanes.ts';
import { clusterIP, SERVICE_PORT } from './manifest.ts';
import { describeLab } from './suite.ts';
import { SERVICES } from './traffic-services.ts';
import { describeTraffic } from './traffic-suite.ts';

await describeLab('nftables mode, packets', () => {
  const lab = describeTraffic(NFTABLES);

  it.each(FAMILIES)('refuses the unknown port of a cluster IP at once (%s)', async (family) => {
    const target = { protocol: 'tcp', address: clusterIP(family, SERVICES.hostnames.n), port: 81 } as const;
    for (const from of [lab().pod('pod-a'), lab().node, lab().outside]) {
      expect(tally(await lab().from(from).request(target)), from.name).toEqual({ refused: 1 });
    }
  });

  it.each(FAMILIES)('leaves addresses alone that no ServiceCIDR claims (%s)', async (family) => {
    const target = { protocol: 'tcp', address: clusterIP(family, 200), port: SERVICE_PORT } as const;
    const answers = await lab().from(lab().outside).request(target, { timeoutMs: 700 });
    expect(Object.keys(tally(answers))).not.toContain('pod-a');
  });
});
