import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Address, Protocol } from '../../../rules/model.ts';
import { endpointChain, servicePortChains } from '../../../rules/names.ts';

describe('the chains of a ServicePort', () => {
  const rows: readonly [name: string, protocol: Protocol, hash: string][] = [
    // An unnamed port brings no colon.
    ['default/hostnames', 'tcp', 'YN5D6RYVEVZOH44Q'],
    ['default/hostnames:default', 'tcp', 'ODX2UBAZM7RQWOIU'],
    // What kube-proxy makes of an API server's own Service, in every cluster.
    ['default/kubernetes:https', 'tcp', 'NPX46M4PTMTKRN6Y'],
  ];
  it.each(rows)('%s %s: KUBE-SVC-%s', (name, protocol, hash) => {
    expect(servicePortChains({ name, protocol })).toEqual({
      cluster: `KUBE-SVC-${hash}`,
      local: `KUBE-SVL-${hash}`,
      external: `KUBE-EXT-${hash}`,
      firewall: `KUBE-FW-${hash}`,
    });
  });

  it('are others for another protocol', () => {
    const [tcp, udp] = (['tcp', 'udp'] as const).map((protocol) =>
      servicePortChains({ name: 'kube-system/kube-dns:dns', protocol }),
    );
    expect(tcp?.cluster).not.toBe(udp?.cluster);
  });

  it('never have more characters than the kernel takes for a chain (28)', () => {
    const names = Object.values(servicePortChains({ name: 'x'.repeat(200), protocol: 'sctp' }));
    expect(Math.max(...names.map(({ length }) => length))).toBeLessThanOrEqual(28);
  });
});

it('the chain of an endpoint is kube-proxy’s, in both families', () => {
  for (const [file, address, port] of [
    ['iptables-save.txt', '172.18.0.1', 6443],
    ['ip6tables-save.txt', 'fd00:10:244::5', 8080],
  ] as const) {
    const path = new URL(`../../../fixtures/kube-proxy-1.36/dual-stack/expected/${file}`, import.meta.url);
    const text = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    const [, name = '', , chain] =
      readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => /--comment "(\S+) -> (\S+)" .*-j (KUBE-SEP-\S+)$/.exec(line) ?? [])
        .find(([, , to]) => to === text) ?? [];
    expect(chain).toBeDefined();
    expect(endpointChain({ name, protocol: 'tcp' }, { address: address as Address, port })).toBe(chain);
  }
});
