import { describe, expect, it } from 'vitest';
import { isTrustedHost } from '../../../src/debug/access.ts';

describe('who may look', () => {
  it.each([
    'localhost',
    'localhost:10249',
    'LOCALHOST',
    '127.0.0.1:10249',
    '[::1]:10249',
    '[fd00::1]',
    '172.18.0.2',
  ])('a host named %s may', (host) => expect(isTrustedHost(host)).toBe(true));

  it.each([
    '',
    'node-1:10249',
    'attacker.example',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    '[::1',
    '::1',
    '[127.0.0.1]',
  ])('a host named "%s" may not', (host) => expect(isTrustedHost(host)).toBe(false));
});
