import { describe, expect, it } from 'vitest';
import type { Exec } from '../../../src/dataplane/exec.ts';
import { removeNftables } from '../../../src/dataplane/nftables/cleanup.ts';

/** As nft 1.0.6 on Linux 6.18 says it. */
const SAID = {
  absent: 'Error: Could not process rule: No such file or directory',
  elsewhere: 'Error: No such file or directory; did you mean table ‘kube-proxy’ in family ip6?',
  busy: 'Error: Could not process rule: Device or resource busy',
  exists: 'Error: Could not process rule: File exists',
  forbidden: 'Error: Could not process rule: Operation not permitted',
} as const;

/** nft, and what it says to the deletion of each family's table; undefined: it is done. */
function remove(said: Readonly<Record<'ip' | 'ip6', keyof typeof SAID | undefined>>): Promise<boolean> {
  const exec: Exec = {
    run: async (_, args) => {
      const answer = said[args[2] === 'ip6' ? 'ip6' : 'ip'];
      const stderr = answer === undefined ? '' : `${SAID[answer]}\n${args.join(' ')}\n      ^^^^^^^^^^\n`;
      return { exitCode: answer === undefined ? 0 : 1, stdout: '', stderr };
    },
  };
  return removeNftables(exec, new AbortController().signal, 'nft');
}

describe('removing the tables of nftables mode', () => {
  it.each([
    [undefined, undefined, true],
    ['absent', undefined, true],
    [undefined, 'absent', true],
    ['absent', 'absent', false],
    ['elsewhere', undefined, true],
  ] as const)('ip %s, ip6 %s: there were any: %s', async (ip, ip6, found) => {
    expect(await remove({ ip, ip6 })).toBe(found);
  });

  it.each(['busy', 'exists', 'forbidden'] as const)(
    'says that a table is left which is there: %s',
    async (said) => {
      const message = SAID[said].replace('Error: ', '');
      await expect(remove({ ip: undefined, ip6: said })).rejects.toThrow(message);
      await expect(remove({ ip: said, ip6: undefined })).rejects.toThrow(message);
    },
  );
});
