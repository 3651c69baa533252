import { expect, it } from 'vitest';
import { BareNode } from '../bare-node.ts';
import { FairleadProcess } from '../fairlead-process.ts';
import { labHindrance } from '../hindrance.ts';
import { trafficCluster } from '../traffic-services.ts';
import { ClusterFiles } from './cluster-files.ts';
import { kernelHasIpvs } from './hindrance.ts';

const NAME = 'ends with one message that names the module and the modes that do without';
const hindrance = (await labHindrance()) ?? ((await kernelHasIpvs()) ? 'this kernel has ip_vs' : undefined);

it.skipIf(hindrance !== undefined)(`${NAME}${hindrance ? ` (skipped: ${hindrance})` : ''}`, async () => {
  await using node = await BareNode.create(['eth0']);
  await using files = await ClusterFiles.write(trafficCluster());
  await using daemon = new FairleadProcess(node.namespace, [...files.flags, '--proxy-mode=ipvs']);
  expect(await daemon.ended()).toBe(1);
  expect(daemon.output).toHaveLength(1);
  expect(daemon.output[0]).toMatch(
    /kernel module ip_vs: .*--proxy-mode=iptables or --proxy-mode=nftables, which do without/,
  );
});
