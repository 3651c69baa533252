import { describe, expect, it } from 'vitest';
import { isInStep, type NodeDifference } from '../../../../src/cli/diff/difference.ts';
import { jsonOf, reportText } from '../../../../src/cli/diff/report.ts';

const IN_STEP: NodeDifference = {
  mode: 'iptables',
  source: 'the kernel of node-1',
  families: [{ family: 'ipv4', inStep: 3, groups: [] }],
  unread: [],
};

describe('a family that could not be compared', () => {
  const difference: NodeDifference = {
    ...IN_STEP,
    unread: [{ family: 'ipv6', reason: 'ip6tables-nft-save: Permission denied' }],
  };

  it('is not in step', () => {
    expect(isInStep(IN_STEP)).toBe(true);
    expect(isInStep(difference)).toBe(false);
  });

  it('is named, with the reason', () => {
    expect(reportText(difference)).toBe(
      'IPv4  in step: 3 ServicePorts\n' +
        'IPv6  cannot be compared: ip6tables-nft-save: Permission denied (--ip-family=ipv4 leaves it out)\n',
    );
    expect(jsonOf(difference)).toMatchObject({
      inStep: false,
      unread: [{ family: 'ipv6', reason: 'ip6tables-nft-save: Permission denied' }],
    });
  });
});

it('shows nothing that a terminal could take for a command, and no line that is none', () => {
  const evil = 'a\x1b]0;title\x07\n+ b';
  const text = reportText({
    ...IN_STEP,
    source: evil,
    families: [
      {
        family: 'ipv4',
        inStep: 0,
        groups: [
          {
            owner: 'ServicePort',
            label: evil,
            state: 'extra',
            objects: [{ place: evil, lines: [{ sign: '-', text: evil }], note: evil }],
          },
        ],
      },
    ],
    unread: [{ family: 'ipv6', reason: evil }],
  });
  expect(text).not.toMatch(/(?!\n)\p{C}/u);
  expect(text.split('\n').filter((line) => line.startsWith('+ '))).toEqual([]);
  expect(text).toContain('\n- a?]0;title??+ b\n');
});
