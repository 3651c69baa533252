import { parseAddress } from '../../../rules/address.ts';
import type { Address } from '../../../rules/model.ts';
import { commandFlag } from '../../config/flag.ts';
import { checkedTextKind, repeatedKind, switchKind, textKind } from '../../config/kinds.ts';
import type { Command } from '../command.ts';
import { OUTPUT } from '../output-flag.ts';

const FROM_POD = commandFlag('from-pod', 'the sender is this Pod, NAMESPACE/NAME', textKind('pod'), '');
const FROM_IP = commandFlag<Address | ''>(
  'from-ip',
  'the sender has this address',
  checkedTextKind<Address | ''>('address', 'an IP address', parseAddress),
  '',
);
const FROM_NODE = commandFlag(
  'from-node',
  'the sender is a process of the node itself',
  switchKind(),
  false,
  {
    defaultText: '',
  },
);
const INTERFACE = commandFlag(
  'interface',
  'the interface of the node by which the packet comes in; without: found out, where rules ask for it',
  textKind('name'),
  '',
);
const LIVE = commandFlag(
  'live',
  "the rules in this node's kernel, everybody's, instead of those that it should have; of nftables the proxy's tables alone",
  switchKind(),
  false,
  { defaultText: '' },
);
const RULES = commandFlag(
  'rules',
  'the rules in this file: what iptables-save, nft list, ipvsadm -Sn and ipset save or a dry run print, of any node; ' +
    '- is standard input; repeatable',
  repeatedKind('file'),
  [],
);

/** All of the command's flags, by what they are for. */
export const EXPLAIN_FLAGS = {
  fromPod: FROM_POD,
  fromIP: FROM_IP,
  fromNode: FROM_NODE,
  interface: INTERFACE,
  live: LIVE,
  rules: RULES,
  output: OUTPUT,
} as const;

export const EXPLAIN: Command = {
  name: 'explain',
  summary: 'what becomes of a packet on this node, rule by rule, and why',
  usage: '[flags] [FROM →] TO',
  description:
    'Follows the first packet of a connection through the rules of a node: which endpoints it may reach and how ' +
    'likely, whether they see its source address, or why it is dropped or rejected. TO is ADDRESS:PORT, with /udp or ' +
    '/sctp behind it where it is not TCP, or svc/NAMESPACE/NAME:PORT (number or name) for all the ways to a Service. ' +
    'FROM is an address, pod/NAMESPACE/NAME or node, or one of the flags below; without it, the node itself sends, ' +
    "and to a Service a Pod of the node and a client outside. The arrow may be left out, or be '->' in quotes. " +
    'The exit code is 0 where the packet reaches an endpoint, or no rule keeps it from its destination, 1 where it is ' +
    'dropped or rejected, is for a cluster IP that the rules do not have, or something cannot be read, 2 for wrong ' +
    'usage. JSON has an object for each way, in "ways": ' +
    'packet, verdict, summary, and outcomes, each with its share, endpoint, masqueraded, why and steps (hook, table, ' +
    'chain, rule, effect).',
  flags: [FROM_POD, FROM_IP, FROM_NODE, INTERFACE, LIVE, RULES, OUTPUT],
  examples: [
    {
      line: 'fairlead explain --from-pod default/client 10.96.1.175:80',
      does: 'which endpoints a Pod may reach by a cluster IP, with the rules that this node should have',
    },
    {
      line: 'fairlead explain --live --from-ip 203.0.113.7 192.0.2.10:30080/udp',
      does: "what the rules in this node's kernel do to a client's packet for a node port",
    },
    {
      line: 'fairlead explain svc/default/hostnames:http',
      does: 'all ways to a Service: cluster IP, node port, external and load balancer addresses',
    },
    {
      line: 'iptables-save | fairlead explain --rules=- --from-ip=10.244.0.9 10.96.1.175:80',
      does: 'rules of any node, such as one of kube-proxy, without a cluster',
    },
  ],
  run: async (call) => await (await import('./run.ts')).runExplain(call, EXPLAIN_FLAGS),
};
