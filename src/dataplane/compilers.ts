import { compileBase } from '../../rules/iptables/base.ts';
import { compileServicePort } from '../../rules/iptables/compile.ts';
import type { Compiler } from '../desired-state.ts';

export const iptablesCompiler: Compiler = {
  base: ({ node, settings }) => compileBase(node, settings),
  servicePort: (servicePort, { node, settings, largeCluster }) =>
    compileServicePort(servicePort, node, settings, { endpointComments: !largeCluster }),
};
