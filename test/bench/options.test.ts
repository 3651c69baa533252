import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.ts';

describe('options of the bench', () => {
  it('have defaults', () => {
    expect(parseOptions([])).toMatchObject({
      services: [1000, 5000],
      endpoints: 3,
      mode: 'iptables',
      backend: 'nft',
      runs: ['standard'],
      against: [],
      json: undefined,
    });
  });

  it('are taken', () => {
    const argv = ['--services', '100,200', '--backend=legacy', '--against', 'a', '--against', 'b c'];
    expect(parseOptions(argv)).toMatchObject({
      services: [100, 200],
      backend: 'legacy',
      against: ['a', 'b c'],
    });
    expect(parseOptions(['-h'])).toBe('help');
  });

  it.each([
    [['--services', '1000,x'], '--services must be a whole number of 20 or more: current value is "x"'],
    [['--services', '3'], '--services must be a whole number of 20 or more: current value is "3"'],
    [['--rate', '0'], '--rate must be a whole number of 1 or more: current value is "0"'],
    [['--backend', 'ebpf'], '--backend must be nft or legacy: current value is "ebpf"'],
    [['--mode', 'userspace'], '--mode must be iptables, nftables or ipvs: current value is "userspace"'],
    [['--mode', 'nftables', '--backend', 'legacy'], '--backend must be nft in nftables mode'],
    [['--run', 'standard,all'], '--run must be standard, big-service or churn: current value is "all"'],
    [['--fast'], /--fast/],
    [['5000'], /5000/],
  ] as const)('%j are refused', (argv, message) => {
    expect(() => parseOptions([...argv])).toThrow(UsageError);
    expect(() => parseOptions([...argv])).toThrow(message);
  });
});
