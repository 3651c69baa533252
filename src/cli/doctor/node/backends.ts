import type { SavedTable } from '../../../../rules/iptables/save.ts';
import type { Backend } from '../../../dataplane/iptables/tools.ts';
import { failed, ok, type Result, warning } from '../check.ts';
import { counted } from '../words.ts';

/** What is in one backend's tables. */
export interface BackendTraces {
  readonly backend: Backend;
  /** KUBE-SERVICES is there: a proxy has programmed it. */
  readonly proxy: boolean;
  /** The kubelet's own chains are there. */
  readonly kubelet: boolean;
  readonly rules: number;
}

/** @param tables of both families */
export function tracesOf(backend: Backend, tables: readonly SavedTable[]): BackendTraces {
  let proxy = false;
  let kubelet = false;
  let rules = 0;
  for (const { chains } of tables) {
    kubelet ||= chains.has('KUBE-IPTABLES-HINT') || chains.has('KUBE-KUBELET-CANARY');
    for (const [name, chain] of chains) {
      proxy ||= name === 'KUBE-SERVICES' && chain.rules.length > 0;
      rules += chain.rules.length;
    }
  }
  return { backend, proxy, kubelet, rules };
}

/** Whether the node's rules are in one of the two packet filters that iptables can program. */
export function oneBackend(all: readonly BackendTraces[]): Result {
  const used = all.filter(({ rules }) => rules > 0);
  const [first, second] = used;
  if (first === undefined) return ok('no rules by iptables');
  const withProxy = used.filter(({ proxy }) => proxy);
  const clean = (backend: Backend) => `look at them: iptables-${backend}-save | grep -c KUBE-`;
  if (withProxy.length > 1) {
    return failed(
      `a proxy's rules are in both backends (${used.map(traceText).join(', ')}): the older ones send to Pods that are gone`,
      `${clean('legacy')}; stop the proxy, fairlead --cleanup, and start it again; or restart the node`,
    );
  }
  const kubelet = used.find((each) => each.kubelet);
  const proxy = withProxy[0];
  if (kubelet && proxy && !proxy.kubelet) {
    return failed(
      `the kubelet uses the ${kubelet.backend} backend, and the proxy's rules are in ${proxy.backend}`,
      `--iptables-backend=${kubelet.backend}, or auto`,
    );
  }
  if (second) {
    return warning(
      `rules in both backends: ${used.map(traceText).join(', ')}; a packet passes both, and one that drops wins`,
      'have all programs of this node use one of them: update-alternatives --display iptables',
    );
  }
  return ok(traceText(first));
}

function traceText({ backend, rules }: BackendTraces): string {
  return `${backend} (${counted(rules, 'rule')})`;
}
