import { describe, expect, it } from 'vitest';
import {
  cidrContains,
  familyOf,
  hostCidr,
  isLoopback,
  parseAddress,
  parseCidr,
  prefixLength,
} from '../../../rules/address.ts';
import type { Address, Cidr } from '../../../rules/model.ts';

describe('an address in canonical spelling', () => {
  const rows: readonly [text: string, canonical: string | undefined][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['010.000.00.01', '10.0.0.1'],
    ['192.0.2.010', '192.0.2.10'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['256.0.0.1', undefined],
    ['1.2.3', undefined],
    ['1.2.3.4.5', undefined],
    ['1.2.3.4/32', undefined],
    ['0x1.2.3.4', undefined],
    ['1.2.3.-4', undefined],
    [' 1.2.3.4', undefined],
    ['1.2.3.4\n', undefined],
    ['0001.2.3.4', undefined],
    ['', undefined],
    ['localhost', undefined],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    // RFC 5952: the longer run of zeros, and never a single one.
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8:1:0:1:1:1:1', '2001:db8:1:0:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::0:1:1:1:1:1', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['fe80::1%eth0', undefined],
    ['2001:db8::1::2', undefined],
    ['2001:db8:1:2:3:4:5', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['2001:db8::12345', undefined],
    ['2001:db8::g', undefined],
    ['[2001:db8::1]', undefined],
    ['2001:db8::1/128', undefined],
    [':', undefined],
    [':::', undefined],
    ['::1.2.3', undefined],
    ['::1.2.3.256', undefined],
  ];
  it.each(rows)('%j: %s', (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
  });
});

describe('a network in canonical spelling', () => {
  const rows: readonly [text: string, canonical: string | undefined][] = [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.3/31', '10.1.2.2/31'],
    ['010.01.02.03/8', '10.0.0.0/8'],
    [' 192.0.2.0/24 ', '192.0.2.0/24'],
    ['\t192.0.2.0/24\n', '192.0.2.0/24'],
    ['2001:DB8::5/32', '2001:db8::/32'],
    ['2001:db8::5/128', '2001:db8::5/128'],
    ['2001:db8::5/0', '::/0'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['10.0.0.0', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/-1', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0.0/', undefined],
    ['10.0.0/8', undefined],
    ['10.0.0.0/255.0.0.0', undefined],
    ['10.0.0.0 /8', undefined],
    ['2001:db8::/129', undefined],
    ['2001:db8::', undefined],
    ['::ffff:10.0.0.0/8', undefined],
    ['', undefined],
    ['/8', undefined],
  ];
  it.each(rows)('%j: %s', (text, canonical) => {
    expect(parseCidr(text)).toBe(canonical);
  });
});

describe('a network holds an address', () => {
  const rows: readonly [cidr: string, address: string, holds: boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/31', '10.0.0.1', true],
    ['10.0.0.0/31', '10.0.0.2', false],
    ['10.0.0.1/32', '10.0.0.1', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['128.0.0.0/1', '200.0.0.1', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['::/0', 'ffff::', true],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '10.0.0.1', false],
  ];
  it.each(rows)('%s, %s: %s', (cidr, address, holds) => {
    expect(cidrContains(cidr as Cidr, address as Address)).toBe(holds);
  });
});

it('tells families, prefix lengths and loopback', () => {
  expect([familyOf('10.0.0.1' as Address), familyOf('::/0' as Cidr)]).toEqual(['ipv4', 'ipv6']);
  expect(prefixLength('2001:db8::/32' as Cidr)).toBe(32);
  expect([hostCidr('10.0.0.1' as Address), hostCidr('::1' as Address)]).toEqual(['10.0.0.1/32', '::1/128']);
  expect(
    ['127.0.0.1', '127.1.2.3', '::1', '128.0.0.1', '::2'].map((text) => isLoopback(text as Address)),
  ).toEqual([true, true, true, false, false]);
});
