import { commandFlag } from '../../config/flag.ts';
import { switchKind, textKind } from '../../config/kinds.ts';
import { hostPortKind } from '../../config/network-kinds.ts';
import type { Command } from '../command.ts';
import { OUTPUT } from '../output-flag.ts';

export const OFFLINE = commandFlag(
  'offline',
  'ask the cluster, or the files of --from, and leave out what looks at this machine',
  switchKind(),
  false,
);
export const DNS_ADDRESS = commandFlag(
  'dns-address',
  "the DNS server to ask, ADDRESS or ADDRESS:PORT; else the Service kube-system/kube-dns's",
  hostPortKind(53),
  '',
);
export const CLUSTER_DOMAIN = commandFlag(
  'cluster-domain',
  "what names of the cluster's Services end with",
  textKind('domain'),
  'cluster.local',
);
export const DOCTOR: Command = {
  name: 'doctor',
  summary: 'why a Service does not work, or what is wrong with this node',
  usage: '[flags] [svc/NAMESPACE/NAME]',
  description:
    'Asks what people ask when a Service does not work, all at once: does the API answer, has the Service endpoints, ' +
    'does DNS know it, are its rules in the kernel, and is it the node itself? With a Service, everything about it; ' +
    'without, all Services that look broken. Each check shows what was seen and, where it failed, what to do next. ' +
    'What cannot be read, for want of rights or tools, is skipped and says so. Nothing is written, neither to the node ' +
    "nor to the cluster; connections to the Service's endpoints are opened and closed again. Works beside kube-proxy. " +
    'The exit code is 0 where no check failed, 1 where one did, 2 for wrong usage.',
  flags: [OFFLINE, DNS_ADDRESS, CLUSTER_DOMAIN, OUTPUT],
  examples: [
    {
      line: 'fairlead doctor --kubeconfig=admin.conf svc/default/hostnames',
      does: 'everything about one Service, on the node where it does not work',
    },
    {
      line: 'fairlead doctor --config=/var/lib/kube-proxy/config.conf',
      does: 'this node, whose proxy has this configuration, and all Services that look broken',
    },
    {
      line: 'fairlead doctor --from=cluster.yaml --hostname-override=node-1 --offline default/hostnames',
      does: 'what files tell about a Service, without cluster and node',
    },
  ],
  run: async (call) => await (await import('./doctor.ts')).runDoctor(call),
};
