import { commandFlag } from '../../config/flag.ts';
import { repeatedKind } from '../../config/kinds.ts';
import type { Command } from '../command.ts';
import { OUTPUT } from '../output-flag.ts';

export const RULES = commandFlag(
  'rules',
  'compare with the rules in this file instead of those in the kernel; - is standard input; repeatable',
  repeatedKind('file'),
  [],
);

export const DIFF: Command = {
  name: 'diff',
  summary: 'what differs between the rules that this node should have and those in its kernel',
  usage: '[flags]',
  description:
    'Compares what Fairlead would program with what is in the kernel, by Service, and changes neither. Works beside a ' +
    'proxy that runs, so that it tells what a switch to Fairlead would change. Lines that begin with - are in the ' +
    'kernel only, those with + are missing there. The order of dispatch rules, counters and comments of large clusters ' +
    'make no difference. The exit code is 0 where nothing differs, 1 where something does or cannot be read, 2 for ' +
    'wrong usage.',
  flags: [RULES, OUTPUT],
  examples: [
    {
      line: 'fairlead diff --config=/var/lib/kube-proxy/config.conf --kubeconfig=/var/lib/kube-proxy/kubeconfig.conf',
      does: 'what would change on this node if Fairlead took over from kube-proxy',
    },
    {
      line: 'fairlead diff --mode=nftables --kubeconfig=admin.conf --output=json',
      does: 'the same for programs, on a node in nftables mode',
    },
    {
      line: 'iptables-save | fairlead diff --from=cluster.yaml --hostname-override=node-1 --rules=-',
      does: 'compare with rules that were written down, without a cluster and without privileges',
    },
  ],
  run: async (call) => await (await import('./run.ts')).runDiff(call, RULES, OUTPUT),
};
