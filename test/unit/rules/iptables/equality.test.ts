import { describe, expect, it } from 'vitest';
import { isSameText } from '../../../../rules/iptables/equality.ts';

const SVC = 'nat:KUBE-SVC-AAAAAAAAAAAAAAAA';
const EXT = 'nat:KUBE-EXT-AAAAAAAAAAAAAAAA';
const MASQUERADE =
  '-d 10.96.0.1/32 -p tcp -m comment --comment "default/a cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ';
const JUMP = '-m comment --comment "default/a -> 10.0.0.1:80" -j KUBE-SEP-A';
const BARE_JUMP = '-j KUBE-SEP-A';

describe('what is in the kernel is as good as what should be', () => {
  const rows: readonly { what: string; key: string; desired: string; actual: string; same: boolean }[] = [
    { what: 'equal', key: SVC, desired: JUMP, actual: JUMP, same: true },
    { what: 'both empty', key: SVC, desired: '', actual: '', same: true },
    {
      what: 'spelled in another way',
      key: EXT,
      desired: '-s 10.0.0.1/32 -j A',
      actual: '-s 10.0.0.1 -j A',
      same: true,
    },
    { what: 'the comment of an endpoint is missing', key: SVC, desired: JUMP, actual: BARE_JUMP, same: true },
    {
      what: 'the comment of an endpoint is too much',
      key: SVC,
      desired: BARE_JUMP,
      actual: JUMP,
      same: true,
    },
    {
      what: 'of some endpoints',
      key: SVC,
      desired: `${MASQUERADE}\n${JUMP}\n${JUMP}`,
      actual: `${MASQUERADE}\n${BARE_JUMP}\n${JUMP}`,
      same: true,
    },
    {
      what: 'the comment of the masquerade rule is missing: it is there at any size',
      key: SVC,
      desired: MASQUERADE,
      actual: MASQUERADE.replace('-m comment --comment "default/a cluster IP" ', ''),
      same: false,
    },
    {
      what: 'a comment is missing in another chain',
      key: EXT,
      desired: JUMP,
      actual: BARE_JUMP,
      same: false,
    },
    { what: 'a rule is missing', key: SVC, desired: `${JUMP}\n${JUMP}`, actual: JUMP, same: false },
    { what: 'another order', key: SVC, desired: '-j A\n-j B', actual: '-j B\n-j A', same: false },
    { what: 'emptied', key: SVC, desired: JUMP, actual: '', same: false },
    { what: 'filled', key: SVC, desired: '', actual: JUMP, same: false },
    {
      what: 'a rule that does not parse',
      key: SVC,
      desired: JUMP,
      actual: '[unsupported revision]',
      same: false,
    },
  ];
  it.each(rows)('$what: $same', ({ key, desired, actual, same }) => {
    expect(isSameText(key, desired, actual)).toBe(same);
  });
});
