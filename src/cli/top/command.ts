import { commandFlag } from '../../config/flag.ts';
import { durationKind, switchKind } from '../../config/kinds.ts';
import { hostPortKind } from '../../config/network-kinds.ts';
import type { Command } from '../command.ts';

export const ADDRESS = commandFlag(
  'address',
  'where the proxy to look at serves its metrics',
  hostPortKind(10_249),
  '',
  { defaultText: 'that of --metrics-bind-address' },
);
export const INTERVAL = commandFlag('interval', 'time between two looks', durationKind('above 0'), 1_000);
export const ONCE = commandFlag(
  'once',
  'print one frame, and exit; so does what is no terminal',
  switchKind(),
  false,
);

export const TOP: Command = {
  name: 'top',
  summary: 'what the proxy of this node is doing: syncs, latency, changes by Service, trouble',
  usage: '[flags]',
  description:
    'Shows a running fairlead: how many Services it programs, how long its syncs take, which Services changed last, ' +
    'which the kernel refuses (quarantined), and whether somebody else changes its rules. Asks the metrics port, ' +
    'changes nothing, and redraws the terminal until q or Ctrl-C. The exit code is 0, or 1 where nobody answers.',
  flags: [ADDRESS, INTERVAL, ONCE],
  examples: [
    { line: 'fairlead top', does: 'the proxy of this node, redrawn each second' },
    { line: 'fairlead top --address=192.0.2.11:10249 --interval=5s', does: 'that of another node' },
    { line: 'fairlead top --once', does: 'one frame, for scripts and reports' },
  ],
  run: async (call) => await (await import('./run.ts')).runTop(call),
};
