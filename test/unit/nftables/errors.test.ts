import { describe, expect, it } from 'vitest';
import { nftError } from '../../../src/dataplane/nftables/errors.ts';

const PAYLOAD = `add table ip kube-proxy
add chain ip kube-proxy a
add rule ip kube-proxy a drop
add element ip kube-proxy service-ips { fd00::1 . tcp . 80 : goto a }
`;

/** As nft 1.0.6 on Linux 6.18 says it, in the language of the C locale. */
const ROWS: readonly (readonly [stderr: string, code: string, line: number | undefined])[] = [
  ['/dev/stdin:3:24-24: Error: Could not process rule: No such file or directory\nadd rule\n^\n', 'drift', 3],
  [
    "/dev/stdin:2:18-20: Error: No such file or directory; did you mean chain 'q' in table ip 't'?\nx\n",
    'drift',
    2,
  ],
  ['/dev/stdin:4:22-39: Error: Could not process rule: File exists\nadd element\n', 'drift', 4],
  ['/dev/stdin:2:19-19: Error: Could not process rule: Device or resource busy\n', 'drift', 2],
  ['/dev/stdin:2:5-9: Error: syntax error, unexpected string\nadd chian\n    ^^^\n', 'refused', 2],
  ['/dev/stdin:3:1-9: Error: Could not process rule: Invalid argument\n', 'refused', 3],
  ['/dev/stdin:3:1-9: Error: Could not process rule: Operation not supported\n', 'environment', 3],
  ['netlink: Error: cache initialization failed: Operation not permitted\n', 'environment', undefined],
  [
    'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: x\n',
    'environment',
    undefined,
  ],
  ['netlink: Error: Could not process rule: Resource temporarily unavailable\n', 'transient', undefined],
  ['netlink: Error: Could not process rule: Interrupted system call\n', 'transient', undefined],
  ['netlink: Error: Could not process rule: No buffer space available\n', 'transient', undefined],
  ['', 'refused', undefined],
];

describe('what nft says', () => {
  it.each(ROWS)('%j', (stderr, code, line) => {
    const error = nftError({ exitCode: 1, stdout: '', stderr }, PAYLOAD);
    expect(error).toMatchObject({ code, line });
    expect(error.message.split('\n'), 'one line for people').toHaveLength(1);
  });
});

it('names the refused command and its object, and shows what is around it', () => {
  const [, , [stderr = ''] = []] = ROWS;
  const error = nftError({ exitCode: 1, stdout: '', stderr }, PAYLOAD);
  expect(error.message).toBe(
    'nft: Could not process rule: File exists: add element ip kube-proxy service-ips { fd00::1 . tcp . 80 : goto a }',
  );
  expect(error.refusedKey).toBe('element service-ips fd00::1 . tcp . 80');
  expect(error.excerpt).toContain('add rule ip kube-proxy a drop\nadd element');
});
