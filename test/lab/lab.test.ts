import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { clientsSeen, tally } from './answers.ts';
import { run } from './command.ts';
import { Lab } from './lab.ts';
import { clusterIP } from './manifest.ts';
import { addNamespaces, sweepStale } from './namespaces.ts';
import { dumpRules } from './rule-dump.ts';
import { describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';
import { ADDRESSES, POD_PORT } from './topology.ts';

/** What the other lab tests rely on: without rules everything is reachable but Services. */
await describeLab('the lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.create();
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  describe.each(FAMILIES)('%s', (family) => {
    const own = ADDRESSES[family];

    it.each(['tcp', 'udp'] as const)(
      'has Pods that answer %s to everybody and see who asks',
      async (protocol) => {
        for (const pod of ['pod-b', 'pod-d'] as const) {
          const target = { protocol, address: own.pods[pod], port: POD_PORT };
          for (const [from, seen] of [
            [lab.pod('pod-a'), own.pods['pod-a']],
            [lab.node, pod === 'pod-b' ? own.bridge : own.node],
          ] as const) {
            const answers = await lab.from(from).request(target);
            expect(tally(answers)).toEqual({ [pod]: 1 });
            expect(clientsSeen(answers)).toEqual([seen]);
          }
          const [, client] = own.clients;
          expect(clientsSeen(await lab.from(lab.outside).request({ ...target, from: client }))).toEqual([
            client,
          ]);
        }
      },
    );

    it('has nobody who answers on a cluster IP', async () => {
      const target = { protocol: 'tcp', address: clusterIP(family, 10), port: 80 } as const;
      const [answer] = await lab.from(lab.pod('pod-a')).request(target, { timeoutMs: 300 });
      expect(answer).toHaveProperty('error');
    });

    it('keeps a connection open between requests', async () => {
      const target = { protocol: 'tcp', address: own.pods['pod-a'], port: POD_PORT } as const;
      const client = lab.from(lab.outside);
      expect(await client.open(family, target)).toHaveProperty('pod', 'pod-a');
      expect(await client.ask(family)).toHaveProperty('pod', 'pod-a');
    });
  });

  it('records what is written through iptables, and hides what is to be missing', async () => {
    await using toolbox = await Toolbox.create(/^ip6tables/);
    const env = { PATH: toolbox.path };
    const input = '*filter\n:LAB-TEST - [0:0]\n-A LAB-TEST -j RETURN\nCOMMIT\n';
    await lab.node.run(['iptables-nft-save'], { env });
    await lab.node.run(['iptables-nft-restore', '--noflush', '--test'], { env, input });
    expect(await toolbox.writes()).toEqual([]);
    await lab.node.run(['iptables-nft-restore', '-n', '-w'], { env, input });
    await lab.node.run(['iptables-nft', '-w', '-F', 'LAB-TEST'], { env });
    expect([...(await toolbox.writes())].sort()).toEqual([
      '-A LAB-TEST -j RETURN',
      ':LAB-TEST - [0:0]',
      'iptables-nft -w -F LAB-TEST',
    ]);
    expect(await dumpRules(lab.node, 'nft', 'ipv4')).toContain(':LAB-TEST -');
    await expect(lab.node.run(['ip6tables-nft-save'], { env })).rejects.toThrow('ip6tables-nft-save');
  });

  it('removes what a lab left whose process was killed, and nothing else', async () => {
    const gone = execa('sleep', ['0']);
    await gone;
    const stale = `fl-${gone.pid}-abcd-node`;
    const others = [`fl-${process.pid}-abcd-node`, 'fl-notours'];
    try {
      await addNamespaces([stale, ...others]);
      await sweepStale();
      const left = await run(['ip', 'netns', 'list']);
      expect(left).not.toContain(stale);
      for (const name of others) expect(left).toContain(name);
    } finally {
      for (const name of others) await run(['ip', 'netns', 'del', name]);
    }
  });
});
