import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ruleset } from '../../../rules/fragment.ts';
import { realServer, virtualObject } from '../../../rules/ipvs/objects.ts';
import type { Address, ServicePortKey } from '../../../rules/model.ts';
import { type Ledger, takeDown } from '../../../src/dataplane/dataplane.ts';
import { IptablesTools } from '../../../src/dataplane/iptables/tools.ts';
import { IpvsDataplane } from '../../../src/dataplane/ipvs/dataplane.ts';
import { IpvsTools } from '../../../src/dataplane/ipvs/tools.ts';
import { corpusCases } from '../../lab/corpus.ts';
import { eventually } from '../../lab/deadline.ts';
import { compileCase } from '../../lab/vm/ipvs-case.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { Programs } from './programs.ts';

const NEVER = new AbortController().signal;
const OWNER = 'default/web/tcp' as ServicePortKey;
const AT = { protocol: 'tcp', address: '10.96.0.1' as Address, port: 80 } as const;
const KEY = 'virtual tcp 10.96.0.1:80';

let programs: Programs;
let dataplane: IpvsDataplane;
let ledger: Ledger;
let ruleset: Ruleset;

beforeEach(async () => {
  programs = new Programs();
  dataplane = new IpvsDataplane({
    iptables: new IptablesTools('ipv4', 'nft', programs),
    tools: new IpvsTools(programs),
    excludeCIDRs: [],
  });
  ledger = await dataplane.adopt(NEVER);
  ruleset = new Ruleset();
});

/** One sync of a Service with these endpoints, as the reconciler does it. */
async function sync(...endpoints: readonly string[]): Promise<void> {
  const reals = endpoints.map((endpoint) => realServer(endpoint, 1));
  await apply(
    ruleset.set(OWNER, [virtualObject(AT, '-s rr', reals), { key: 'address 10.96.0.1', text: '' }]),
  );
}

async function apply(keys: readonly string[]): Promise<void> {
  const plan = dataplane.plan(ruleset, ledger, keys);
  await dataplane.apply(plan, NEVER);
  takeDown(plan, ledger);
}

describe('the kernel is given', () => {
  it('sets and addresses before virtual servers, and takes them in the opposite order', async () => {
    const [of] = (await corpusCases()).filter(({ name }) => name === 'source-ranges');
    if (!of) return expect.fail('the case is not in the corpus');
    const { rulesets, empty } = compileCase(of);
    for (const next of [rulesets.get('ipv4'), empty.get('ipv4')]) {
      if (!next) return expect.fail('unreachable');
      const plan = dataplane.plan(next, ledger);
      await dataplane.apply(plan, NEVER);
      takeDown(plan, ledger);
    }
    expect(programs.payloads.map((payload) => payload.slice(0, payload.indexOf(':')))).toEqual([
      ...['ipset', 'iptables-nft-restore', 'ip', 'ipvsadm'],
      ...['ipvsadm', 'ip', 'iptables-nft-restore', 'ipset'],
    ]);
  });

  it('one line for one endpoint', async () => {
    await sync('10.244.0.5:80');
    programs.payloads.length = 0;
    await sync('10.244.0.5:80', '10.244.0.6:80');
    expect(programs.payloads).toEqual(['ipvsadm: -a -t 10.96.0.1:80 -r 10.244.0.6:80 -m -w 1\n']);
  });
});

describe('an endpoint that drains', () => {
  const stop = new AbortController();
  afterEach(() => stop.abort());

  it('is removed by the first sync after its last connection was seen to be gone', async () => {
    const clock = new ManualClock();
    await sync('10.244.0.5:80', '10.244.0.6:80');
    programs.connections.set('10.244.0.6:80', [0, 1]);
    await sync('10.244.0.5:80');
    let requests = 0;
    const logger = { info: () => {}, warn: () => {}, debug: () => {} };
    const watching = dataplane.watch(() => requests++, { clock, logger }, stop.signal);

    clock.advance(60_000);
    await eventually('the next look is planned', async () => (clock.waits.length > 0 ? true : undefined));
    expect(requests).toBe(0);
    await apply([]);
    expect(programs.kernel.ipvsadm).toContain('-r 10.244.0.6:80 -m -w 0');

    programs.connections.delete('10.244.0.6:80');
    clock.advance(60_000);
    await eventually('a sync is requested', async () => (requests === 1 ? true : undefined));
    await apply([]);
    expect(programs.kernel.ipvsadm).not.toContain('10.244.0.6');
    expect(dataplane.drain.size).toBe(0);
    stop.abort();
    await watching;
  });

  it('still drains after a restart', async () => {
    await sync('10.244.0.5:80', '10.244.0.6:80');
    await sync('10.244.0.5:80');
    programs.payloads.length = 0;
    const again = new IpvsDataplane({
      iptables: new IptablesTools('ipv4', 'nft', programs),
      tools: new IpvsTools(programs),
      excludeCIDRs: [],
    });
    const adopted = await again.adopt(NEVER);
    expect(again.plan(ruleset, adopted).lines).toBe(0);
    await again.drain.look(NEVER);
    expect(again.drain.isDrained(KEY, '10.244.0.6:80')).toBe(true);
    expect(again.plan(ruleset, adopted).sections.map(({ text }) => text)).toEqual([
      '-d -t 10.96.0.1:80 -r 10.244.0.6:80\n',
    ]);
  });
});

describe('a tool that fails', () => {
  it('is believed even where it ends as if all was well: ipvsadm goes on after a line that is refused', async () => {
    programs.failNext('ipvsadm', 'Service already exists\n');
    await expect(sync('10.244.0.5:80')).rejects.toMatchObject({
      code: 'drift',
      message: 'ipvsadm: Service already exists',
    });
  });

  it('in the middle of a plan has the kernel read again, as half of the plan is there', async () => {
    programs.failNext('ipvsadm', 'Resource temporarily unavailable\n');
    await expect(sync('10.244.0.5:80')).rejects.toMatchObject({ code: 'drift' });
  });

  it('names the line that it refused, where it tells', async () => {
    programs.failNext(
      'ip',
      'Error: any valid prefix is expected rather than "nonsense".\nCommand failed -:1\n',
    );
    await expect(sync('10.244.0.5:80')).rejects.toMatchObject({
      code: 'refused',
      refusedLine: 'address replace 10.96.0.1 dev kube-ipvs0',
    });
  });
});
