import { listing } from '../../../config/kinds.ts';
import { nearest } from '../../../config/usage.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import type { PodView } from '../cluster/pod-view.ts';
import type { PortView, ServiceView, SliceView } from '../cluster/views.ts';
import { summed } from '../words.ts';
import { addressesOf, type Backing } from './endpoints.ts';

/** Whether every port of the Service leads to a port of its endpoints. */
export function portsMatch({ view, slices, pods }: Backing): Result {
  const filled = slices.filter(({ endpoints }) => endpoints.length > 0);
  if (filled.length === 0) throw new NotKnown('no endpoints to compare with');
  const all = addressesOf(filled).size;
  const doubts: Result[] = [];
  const good: string[] = [];
  for (const port of view.ports) {
    const leading = filled.filter((slice) => slice.ports.some((each) => isSame(each, port)));
    const reached = addressesOf(leading).size;
    if (reached === 0)
      return failed(`port ${portName(port)} leads nowhere: ${whyNowhere(port, filled, pods)}`, advice(view));
    if (reached < all) {
      const some = `port ${portName(port)} leads to ${reached} of ${all} endpoints`;
      doubts.push(warning(`${some}: ${whyNowhere(port, withoutPort(filled, port), pods)}`, advice(view)));
    }
    const undeclared = undeclaredPort(port, pods);
    if (undeclared !== undefined) doubts.push(warning(undeclared, advice(view)));
    const numbers = new Set(
      leading.flatMap((slice) => slice.ports.filter((each) => isSame(each, port))).map((each) => each.port),
    );
    good.push(`${portName(port)} to ${[...numbers].join(' and ')}`);
  }
  return doubts[0] ?? ok(listing(good, 'and'));
}

function advice({ namespace, name }: ServiceView): string {
  return `kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${name} -o yaml; correct targetPort`;
}

function isSame(
  a: { readonly name: string; readonly protocol: string },
  b: { readonly name: string; readonly protocol: string },
): boolean {
  return a.name === b.name && a.protocol === b.protocol;
}

function withoutPort(slices: readonly SliceView[], port: PortView): readonly SliceView[] {
  return slices.filter((slice) => !slice.ports.some((each) => isSame(each, port)));
}

function portName({ name, port, protocol }: PortView): string {
  return `${name === '' ? '' : `${name} `}${port}/${protocol}`;
}

function whyNowhere(
  port: PortView,
  slices: readonly SliceView[],
  pods: readonly PodView[] | undefined,
): string {
  const { targetPort, protocol, name } = port;
  const offered = slices.flatMap((slice) => slice.ports);
  const other = offered.find((each) => each.name === name && each.protocol !== protocol);
  if (other) return `the EndpointSlices have it as ${other.protocol}, the Service as ${protocol}`;
  if (typeof targetPort === 'string') {
    const names = [...new Set((pods ?? []).flatMap((pod) => pod.ports).map((each) => each.name))].filter(
      (each) => each !== '',
    );
    const meant = nearest(targetPort, names);
    const has = names.length === 0 ? '' : ` (they have ${meant ?? summed(names)})`;
    return `no Pod has a container port named ${targetPort}${pods === undefined ? '' : has}`;
  }
  const others = [
    ...new Set(offered.map((each) => `${each.name || '(no name)'} ${each.port}/${each.protocol}`)),
  ];
  const what = name === '' ? 'a port without a name' : `a port named ${name}`;
  return `the EndpointSlices have no such port: ${what} is wanted, ${summed(others) || 'none'} is there`;
}

/** Containers may listen on ports that they do not declare; mostly it is a slip all the same. */
function undeclaredPort(port: PortView, pods: readonly PodView[] | undefined): string | undefined {
  const { targetPort, protocol } = port;
  if (typeof targetPort === 'string' || pods === undefined) return undefined;
  const declared = pods.flatMap((pod) => pod.ports).filter((each) => each.protocol === protocol);
  if (declared.length === 0 || declared.some((each) => each.port === targetPort)) return undefined;
  const numbers = [...new Set(declared.map((each) => String(each.port)))];
  return `targetPort ${targetPort}/${protocol} is none that containers declare (${summed(numbers)})`;
}
