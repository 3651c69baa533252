import { compileBase as iptablesBase } from '../../rules/iptables/base.ts';
import { compileServicePort as iptablesServicePort } from '../../rules/iptables/compile.ts';
import { compileBase as nftablesBase } from '../../rules/nftables/base.ts';
import { compileServicePort as nftablesServicePort } from '../../rules/nftables/compile.ts';
import type { Settings } from '../config/settings.ts';
import type { Compiler } from '../desired-state.ts';
import { ipvsCompiler } from './ipvs/compiler.ts';

export const iptablesCompiler: Compiler = {
  base: ({ node, settings }) => iptablesBase(node, settings),
  servicePort: (servicePort, { node, settings, largeCluster }, before) =>
    iptablesServicePort(servicePort, node, settings, { endpointComments: !largeCluster, before }),
};

export const nftablesCompiler: Compiler = {
  base: ({ node, settings }) => nftablesBase(node, settings),
  servicePort: (servicePort, { node, settings }) => nftablesServicePort(servicePort, node, settings),
};

/** How the mode of the settings turns the model into objects. */
export function compilerOf({ mode, config }: Settings): Compiler {
  if (mode === 'ipvs') return ipvsCompiler(config.ipvs.scheduler);
  return mode === 'nftables' ? nftablesCompiler : iptablesCompiler;
}
