import { describe, expect, it } from 'vitest';
import { parseAddresses, parseIpset, parseIpvsadm } from '../../../rules/ipvs/saved.ts';
import { setName } from '../../../rules/ipvs/sets.ts';
import { connReuseMode } from '../../../src/dataplane/ipvs/host.ts';

describe('ipvsadm -Sn', () => {
  it('is read with real servers in order, whatever the order of the kernel', () => {
    const text = [
      '-A -t 10.0.0.1:80 -s mh -p 100 -b mh-port',
      '-a -t 10.0.0.1:80 -r 10.1.1.9:80 -m -w 1',
      '-a -t 10.0.0.1:80 -r 10.1.1.10:80 -m -w 0',
      '-A --sctp-service [fd00::1]:80 -s rr',
      '-A -f 7 -s rr',
      '-a -f 7 -r 10.1.1.9:80 -g -w 1',
    ];
    expect(parseIpvsadm(text.join('\n'))).toEqual([
      {
        protocol: 'tcp',
        server: '10.0.0.1:80',
        options: '-s mh -p 100 -b mh-port',
        reals: ['-r 10.1.1.10:80 -m -w 0', '-r 10.1.1.9:80 -m -w 1'],
      },
      { protocol: 'sctp', server: '[fd00::1]:80', options: '-s rr', reals: [] },
    ]);
  });
});

describe('ipset save', () => {
  it('is read without what the kernel chooses by itself, in any version', () => {
    const sets = parseIpset(
      'create A hash:ip,port family inet hashsize 4096 maxelem 65536 bucketsize 12 initval 0x1234\nadd A 10.0.0.1,tcp:80\n' +
        'create B bitmap:port range 0-65535\n',
    );
    expect([...sets]).toEqual([
      ['A', { definition: 'hash:ip,port family inet maxelem 65536', entries: ['10.0.0.1,tcp:80'] }],
      ['B', { definition: 'bitmap:port range 0-65535', entries: [] }],
    ]);
  });
});

describe('ip -j address show', () => {
  it('is read without the addresses that the kernel gives itself', () => {
    const info = [
      { local: '10.0.0.1', scope: 'global' },
      { local: 'fd00::1', scope: 'global' },
      { local: 'fe80::1', scope: 'link' },
    ];
    expect(parseAddresses(JSON.stringify([{ ifname: 'kube-ipvs0', addr_info: info }]))).toEqual([
      '10.0.0.1',
      'fd00::1',
    ]);
    expect(parseAddresses('')).toEqual([]);
  });
});

it('cuts the names of IPv6 sets where the kernel does', () => {
  expect(setName('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'ipv6')).toBe('KUBE-6-LOAD-BALANCER-SOURCE-CID');
  expect(setName('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'ipv4')).toBe('KUBE-LOAD-BALANCER-SOURCE-CIDR');
});

it.each([
  ['3.10.0-1160.el7.x86_64', undefined],
  ['4.1.0', '0'],
  ['5.4.0-91-generic', '0'],
  ['5.9.0', undefined],
  ['5.10.0-8-amd64', undefined],
  ['6.1.0-56-amd64', undefined],
])('sets conn_reuse_mode by the kernel: %s', (release, value) => {
  expect(connReuseMode(release)).toBe(value);
});
