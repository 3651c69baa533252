import { describe } from 'vitest';
import { iptablesDataplane } from './dataplanes.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { describeTraffic } from './traffic-suite.ts';

await describeLab('iptables mode, packets', () => {
  describe.each(BACKENDS)('%s backend', (backend) => {
    describeTraffic(iptablesDataplane(backend));
  });
});
