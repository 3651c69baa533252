import { nearest } from '../../../config/usage.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import type { PodView } from '../cluster/pod-view.ts';
import type { EndpointView, ServiceView, SliceView } from '../cluster/views.ts';
import { counted, summed } from '../words.ts';

/** Pods as far as they may be read: undefined where not. */
export interface Backing {
  readonly view: ServiceView;
  readonly slices: readonly SliceView[];
  readonly pods: readonly PodView[] | undefined;
}

/** @param neighbours labels of other Pods of the namespace, where none is selected */
export function selectorMatches(
  { view, slices, pods }: Backing,
  neighbours: readonly Readonly<Record<string, unknown>>[] = [],
): Result {
  const { namespace, name, selector } = view;
  const count = addressesOf(slices).size;
  if (Object.keys(selector).length === 0) {
    if (count > 0) return ok(`no selector: ${counted(count, 'endpoint')} of somebody else's making`);
    return failed(
      'no selector, and no EndpointSlice that somebody made for it',
      `give it a selector, or make an EndpointSlice with the label kubernetes.io/service-name=${name}`,
    );
  }
  const text = selectorText(selector);
  if (pods === undefined) {
    if (count > 0) return ok(`${text} has led to ${counted(count, 'endpoint')}`);
    throw new NotKnown(`Pods cannot be read, and ${text} has led to no endpoint`);
  }
  if (pods.length > 0)
    return ok(`${text} matches ${counted(pods.length, 'Pod')}: ${summed(pods.map((pod) => pod.name))}`);
  const near = nearLabel(selector, neighbours);
  return failed(
    `${text} matches no Pod in namespace ${namespace}${near}`,
    `kubectl get pods -n ${namespace} --show-labels`,
  );
}

/** Other values that Pods have of the selector's labels: the likeliest slip. */
function nearLabel(
  selector: Readonly<Record<string, string>>,
  neighbours: readonly Readonly<Record<string, unknown>>[],
): string {
  if (neighbours.length === 0) return ', which has none at all';
  for (const [key, value] of Object.entries(selector)) {
    const values = neighbours
      .map((labels) => labels[key])
      .filter((each) => each !== undefined)
      .map(String);
    if (values.includes(value)) continue;
    const other = nearest(value, values) ?? values[0];
    if (other === undefined) return `; none there has a label ${key}`;
    const count = values.filter((each) => each === other).length;
    return `; ${counted(count, 'Pod')} there ${count === 1 ? 'has' : 'have'} ${key}=${other}`;
  }
  return '; each of its labels is there, but no Pod has them all';
}

export function endpointsReady({ view, slices, pods }: Backing): Result {
  const { namespace, name, selector } = view;
  const all = [...addressesOf(slices).values()];
  if (all.length === 0) return noEndpoints({ view, slices, pods });
  const ready = all.filter((endpoint) => endpoint.ready);
  const rest = all.filter((endpoint) => !endpoint.ready);
  const count = `${ready.length} of ${counted(all.length, 'endpoint')} ready`;
  const firstPod = podOf(rest[0], pods);
  const advice =
    firstPod?.command ??
    (Object.keys(selector).length === 0
      ? `kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${name} -o yaml`
      : `kubectl get pods -n ${namespace} -l ${labelText(selector)}`);
  if (rest.length === 0) return ok(`${count}: ${summed(ready.map(({ address }) => address))}`);
  const why = `${count}; not ready: ${summed(rest.map((endpoint) => unreadyText(endpoint, pods)))}`;
  if (ready.length > 0) {
    // Whoever is leaving is no trouble.
    return rest.every(({ terminating }) => terminating) ? ok(why) : warning(why, advice);
  }
  return rest.some(({ serving, terminating }) => serving && terminating)
    ? warning(`${why}; those that still serve while they end get the traffic`, advice)
    : failed(why, advice);
}

function noEndpoints({ view, pods }: Backing): Result {
  const { namespace, name, selector } = view;
  const [pod] = (pods ?? []).filter(({ ready }) => !ready);
  if (pod) return failed(`no endpoints; Pod ${pod.name}: ${pod.trouble}`, pod.command);
  if (pods && pods.length > 0) {
    return failed(
      `no endpoints although ${counted(pods.length, 'Pod')} ${pods.length === 1 ? 'matches' : 'match'}`,
      'the endpoint slice controller has not seen them: kubectl get pods -n kube-system -l component=kube-controller-manager',
    );
  }
  if (Object.keys(selector).length > 0 && pods?.length === 0) {
    throw new NotKnown('the selector matches no Pod');
  }
  const command =
    Object.keys(selector).length === 0
      ? `kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${name}`
      : `kubectl get pods -n ${namespace} -l ${labelText(selector)}`;
  return failed('no endpoints: connections are refused', command);
}

function unreadyText(endpoint: EndpointView, pods: readonly PodView[] | undefined): string {
  const pod = podOf(endpoint, pods);
  const who = endpoint.pod === undefined ? endpoint.address : `${endpoint.address} (Pod ${endpoint.pod}`;
  const why = pod?.trouble || (endpoint.terminating ? 'it is being deleted' : '');
  if (endpoint.pod === undefined) return why === '' ? who : `${who} (${why})`;
  return why === '' ? `${who})` : `${who}: ${why})`;
}

function podOf(
  endpoint: EndpointView | undefined,
  pods: readonly PodView[] | undefined,
): PodView | undefined {
  return endpoint && pods?.find(({ name, ready }) => name === endpoint.pod && !ready);
}

/** Each address once, whatever slices and ports it is in; the better of two opinions. */
export function addressesOf(slices: readonly SliceView[]): ReadonlyMap<string, EndpointView> {
  const found = new Map<string, EndpointView>();
  for (const endpoint of slices.flatMap(({ endpoints }) => endpoints)) {
    if (!found.get(endpoint.address)?.ready) found.set(endpoint.address, endpoint);
  }
  return found;
}

function selectorText(selector: Readonly<Record<string, string>>): string {
  return `selector ${labelText(selector)}`;
}

function labelText(selector: Readonly<Record<string, string>>): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
