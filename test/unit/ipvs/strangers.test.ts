import { expect, it } from 'vitest';
import { planIpvs } from '../../../rules/ipvs/plan.ts';
import type { Cidr } from '../../../rules/model.ts';
import { corpusCases } from '../../lab/corpus.ts';
import { compileCase } from '../../lab/vm/ipvs-case.ts';
import { Kernel } from './kernel.ts';

const [nodePorts] = (await corpusCases()).filter(({ name }) => name === 'nodeport');
if (!nodePorts) throw new Error('the case is not in the corpus');
const { rulesets, empty } = compileCase(nodePorts);
const [wanted, nothing] = [rulesets.get('ipv4'), empty.get('ipv4')];
if (!wanted || !nothing) throw new Error('unreachable');

function programmed(): Kernel {
  const kernel = new Kernel();
  for (const section of planIpvs(wanted ?? expect.fail(), kernel.adopt('ipv4')).sections)
    kernel.apply(section);
  return kernel;
}

function clear(kernel: Kernel, excluded: readonly Cidr[] = []): void {
  const plan = planIpvs(nothing ?? expect.fail(), kernel.adopt('ipv4', excluded));
  for (const section of plan.sections) kernel.apply(section);
}

it('leaves virtual servers of others alone, such as those of keepalived', () => {
  const kernel = programmed();
  const theirs = [
    '-A -t 172.18.0.100:80 -s wlc -p 50',
    '-a -t 172.18.0.100:80 -r 10.0.0.9:80 -m -w 100',
    '-A -t 172.18.0.2:9000 -s wlc',
    '-a -t 172.18.0.2:9000 -r 10.0.0.9:80 -g -w 1',
  ];
  kernel.apply({ tool: 'ipvsadm', text: theirs.join('\n') });
  clear(kernel);
  expect(kernel.ipvsadm.trim().split('\n')).toEqual(theirs);
});

it('leaves what no set knows alone in excludeCIDRs, even at one of our addresses', () => {
  const kernel = programmed();
  const theirs = ['-A -t 10.96.9.1:8443 -s wlc', '-a -t 10.96.9.1:8443 -r 10.0.0.9:80 -m -w 1'];
  kernel.apply({ tool: 'ipvsadm', text: theirs.join('\n') });
  clear(kernel, ['10.96.9.0/24' as Cidr]);
  expect(kernel.ipvsadm.trim().split('\n')).toEqual(theirs);
});

it('knows virtual servers at our addresses as ours outside excludeCIDRs', () => {
  const kernel = programmed();
  kernel.apply({ tool: 'ipvsadm', text: '-A -t 10.96.9.1:8443 -s wlc' });
  clear(kernel);
  expect(kernel.ipvsadm.trim()).toBe('');
});

it('takes a virtual server over where a Service wants its address and port', () => {
  const kernel = new Kernel();
  kernel.apply({
    tool: 'ipvsadm',
    text: '-A -t 172.18.0.2:30080 -s wlc\n-a -t 172.18.0.2:30080 -r 10.0.0.9:80 -g -w 1',
  });
  for (const section of planIpvs(wanted ?? expect.fail(), kernel.adopt('ipv4')).sections)
    kernel.apply(section);
  expect(kernel.ipvsadm).toContain('-A -t 172.18.0.2:30080 -s rr\n');
  expect(kernel.ipvsadm).toContain('-a -t 172.18.0.2:30080 -r 10.244.0.5:8080 -m -w 1\n');
});
