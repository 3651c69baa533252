import type { ServicePort } from '../../rules/model.ts';
import { servicePortChains as iptablesChains } from '../../rules/names.ts';
import { servicePortChains as nftablesChains } from '../../rules/nftables/names.ts';
import type { Mode } from '../config/settings.ts';
import type { Flow, Policy, Way } from './state.ts';

export interface Passage {
  readonly kind: Way['kind'];
  readonly policy: Policy;
  readonly verdict: Flow['verdict'];
  /** The way is for some sources only. */
  readonly guarded: boolean;
}

/** What packets of a ServicePort go through in the kernel, in order, as the mode calls it. */
export function passageNames(mode: Mode, servicePort: ServicePort, passage: Passage): readonly string[] {
  if (passage.verdict === 'pass') return [];
  switch (mode) {
    case 'iptables':
      return throughIptables(servicePort, passage);
    case 'nftables':
      return throughNftables(servicePort, passage);
    case 'ipvs':
      return passage.guarded ? ['KUBE-PROXY-FIREWALL', 'virtual server'] : ['virtual server'];
  }
}

function throughIptables(servicePort: ServicePort, passage: Passage): readonly string[] {
  const { kind, policy, verdict, guarded } = passage;
  const chains = iptablesChains(servicePort);
  const last = policy === 'Local' ? chains.local : chains.cluster;
  const internal = kind === 'cluster IP';
  if (verdict !== 'endpoints') return [internal ? 'KUBE-SERVICES' : 'KUBE-EXTERNAL-SERVICES'];
  if (internal) return ['KUBE-SERVICES', last];
  const dispatch = kind === 'node port' ? ['KUBE-SERVICES', 'KUBE-NODEPORTS'] : ['KUBE-SERVICES'];
  return [...dispatch, ...(guarded ? [chains.firewall] : []), chains.external, last];
}

function throughNftables(servicePort: ServicePort, passage: Passage): readonly string[] {
  const { kind, policy, verdict, guarded } = passage;
  const chains = nftablesChains(servicePort);
  const last = policy === 'Local' ? chains.local : chains.cluster;
  const dispatch = kind === 'node port' ? 'service-nodeports' : 'service-ips';
  const firewall = guarded ? ['firewall-ips', chains.firewall] : [];
  if (verdict !== 'endpoints')
    return [...firewall, kind === 'node port' ? 'no-endpoint-nodeports' : 'no-endpoint-services'];
  if (kind === 'cluster IP') return [dispatch, last];
  return [...firewall, dispatch, chains.external, last];
}
