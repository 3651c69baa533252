import { describe, expect, it } from 'vitest';
import { parseFlow } from '../../../src/dataplane/conntrack/flow.ts';
import { flow } from './conntrack-services.ts';

describe('parseFlow reads what conntrack 1.4.7 prints for', () => {
  it.each([
    [
      'a flow that was answered',
      'udp      17 299 src=10.0.0.3 dst=10.96.0.10 sport=5000 dport=53 src=10.244.0.5 dst=10.0.0.3 sport=5353 dport=5000 [ASSURED] mark=0 use=1',
      flow('10.96.0.10:53 → 10.244.0.5:5353'),
    ],
    [
      'one that was not',
      'udp      17 29 src=10.0.0.3 dst=10.96.0.10 sport=5000 dport=53 [UNREPLIED] src=10.244.0.5 dst=10.0.0.3 sport=5353 dport=5000 mark=0 use=1',
      flow('10.96.0.10:53 → 10.244.0.5:5353'),
    ],
    [
      'a kernel that counts packets',
      'udp      17 29 src=10.0.0.3 dst=10.96.0.10 sport=5000 dport=53 packets=3 bytes=96 [UNREPLIED] src=10.96.0.10 dst=10.0.0.3 sport=53 dport=5000 packets=0 bytes=0 mark=16384 use=2',
      flow('10.96.0.10:53 → 10.96.0.10:53'),
    ],
    [
      'another zone',
      'udp      17 299 src=10.0.0.9 dst=10.96.0.10 sport=5000 dport=53 src=10.244.0.5 dst=10.0.0.9 sport=5353 dport=5000 [ASSURED] mark=0 zone=5 use=1',
      flow('10.96.0.10:53 → 10.244.0.5:5353', 5),
    ],
    [
      'IPv6',
      'udp      17 299 src=fd00::9 dst=fd00:10:96::a sport=5000 dport=53 src=fd00:0:0:1::10 dst=fd00::9 sport=5353 dport=5000 [OFFLOAD] mark=0 secctx=system_u:object_r:unlabeled_t:s0 use=1',
      flow('[fd00:10:96::a]:53 → [fd00:0:0:1::10]:5353'),
    ],
  ])('%s', (_, line, expected) => {
    expect(parseFlow(line)).toEqual(expected);
  });
});

describe('parseFlow passes over', () => {
  it.each([
    [
      'another protocol',
      'udplite  136 29 src=10.0.0.3 dst=10.96.0.10 sport=5000 dport=53 src=10.96.0.10 dst=10.0.0.3 sport=53 dport=5000 use=1',
    ],
    [
      'a zone for one direction',
      'udp      17 29 src=10.0.0.3 dst=10.96.0.10 sport=5000 dport=53 zone-orig=7 src=10.244.0.5 dst=10.0.0.3 sport=53 dport=5000 mark=0 use=1',
    ],
    ['an empty line', ''],
  ])('%s', (_, line) => {
    expect(parseFlow(line)).toBeUndefined();
  });
});
