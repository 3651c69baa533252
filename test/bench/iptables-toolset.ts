import type { ServicePort } from '../../rules/model.ts';
import { endpointChain, servicePortChains } from '../../rules/names.ts';
import { tool } from '../lab/rule-dump.ts';
import type { Backend } from '../lab/suite.ts';
import { countRules, differingRules, natSize } from './save-text.ts';
import type { BenchEndpoint, Signs } from './signs.ts';
import type { Toolset } from './toolset.ts';

/** iptables mode: a chain for each endpoint, one for each ServicePort, and a rule that leads to it. */
export function iptablesToolset(backend: Backend): Toolset {
  return {
    backend,
    table: 'ip nat',
    signs,
    version: [tool(backend, 'ipv4'), '--version'],
    list: [tool(backend, 'ipv4', '-save')],
    restore: tool(backend, 'ipv4', '-restore'),
    apply: (restore) => [restore, '--noflush', '-w', '5'],
    size: natSize,
    count: countRules,
    differences: differingRules,
  };
}

function endpointAdded(servicePort: ServicePort, endpoint: BenchEndpoint): readonly string[] {
  return [
    `+chain ip nat ${endpointChain(servicePort, endpoint)}`,
    `+rule ip nat ${servicePortChains(servicePort).cluster}`,
  ];
}

const signs: Signs = {
  endpointAdded,
  thisEndpointAdded: endpointAdded,
  endpointRemoved: (servicePort) => [`-rule ip nat ${servicePortChains(servicePort).cluster}`],
  serviceAdded: (servicePort) => [
    '+rule ip nat KUBE-SERVICES',
    `+rule ip nat ${servicePortChains(servicePort).cluster}`,
  ],
  serviceRemoved: () => ['-rule ip nat KUBE-SERVICES'],
};
