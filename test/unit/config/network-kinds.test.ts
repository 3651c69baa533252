import { describe, expect, test } from 'vitest';
import { hostPortText, parseHostPort } from '../../../src/config/network-kinds.ts';
import { settled } from './settled.ts';

describe('an address with a port', () => {
  test.each([
    ['1.2.3.4:80', '1.2.3.4', 80],
    ['0.0.0.0:10256', '0.0.0.0', 10_256],
    ['[::]:10249', '::', 10_249],
    ['[FD00:0::1]:65535', 'fd00::1', 65_535],
    ['010.1.2.3:1', '10.1.2.3', 1],
  ])('%s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  test.each([
    '',
    '80',
    ':80',
    '1.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    'localhost:80',
    '::1:80',
    '[::1]',
    '1.2.3.4:8o',
  ])('%j is none', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });

  test('is written with brackets where the address has colons', () => {
    const both = parseHostPort('[::1]:99');
    expect(both && hostPortText(both.host, both.port)).toBe('[::1]:99');
  });
});

test.each([
  ['10.0.0.1', ['10.0.0.1']],
  ['10.0.0.1/24', ['10.0.0.1/24']],
  ['10.0.0.1,fd00:0::1/064', ['10.0.0.1', 'fd00::1/64']],
  ['010.0.0.1, 10.0.0.2', ['10.0.0.1', '10.0.0.2']],
  ['', []],
])('--local-addresses=%s keeps the addresses themselves, in their one spelling', (text, addresses) => {
  expect(settled([`--local-addresses=${text}`]).settings.localAddresses).toEqual(addresses);
});
