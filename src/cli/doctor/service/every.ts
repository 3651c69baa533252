import { type Check, failed, NotKnown, ok, type Result, warning } from '../check.ts';
import type { ServiceView } from '../cluster/views.ts';
import type { Witness } from '../cluster/witness.ts';
import type { Facts } from '../facts.ts';
import { counted } from '../words.ts';
import { dnsCheck } from './dns-check.ts';
import { addressesOf, endpointsReady } from './endpoints.ts';
import { localEndpoints, unclashed } from './policies.ts';
import { portsMatch } from './ports.ts';

/** The same questions to all Services at once: only those that look broken are named. */
export const EVERY_SERVICE_CHECKS: readonly Check[] = [
  {
    id: 'services-endpoints',
    title: 'endpoints',
    about: 'services',
    run: async (facts) => endpointsOfAll(selecting(await facts.cluster())),
  },
  {
    id: 'services-ports',
    title: 'ports',
    about: 'services',
    run: async (facts) => {
      const all = selecting(await facts.cluster());
      return broken(
        all.map(({ view, slices }) => [view, attempt(() => portsMatch({ view, slices, pods: undefined }))]),
        'every port leads to endpoints',
      );
    },
  },
  {
    id: 'services-clash',
    title: 'addresses',
    about: 'services',
    run: async (facts) =>
      unclashed(
        (await facts.everyServicePort()).flatMap((each) => each.lost),
        undefined,
      ),
  },
  {
    id: 'services-local-policy',
    title: 'Local policies',
    about: 'services',
    run: async (facts) => localPolicies(facts),
  },
  dnsCheck('cluster-dns', 'services'),
];

interface Selecting {
  readonly view: ServiceView;
  readonly slices: Parameters<typeof addressesOf>[0];
}

/** Services that a proxy programs and that have a selector: others' endpoints are somebody's own affair. */
function selecting(witness: Witness): readonly Selecting[] {
  return [...witness.services]
    .filter(([, view]) => view.type !== 'ExternalName' && !view.headless && view.proxyName === undefined)
    .filter(([, view]) => Object.keys(view.selector).length > 0)
    .map(([key, view]) => ({ view, slices: witness.slices.get(key) ?? [] }));
}

export function endpointsOfAll(all: readonly Selecting[]): Result {
  const results = all.map(({ view, slices }): [ServiceView, Result | undefined] => {
    const result = endpointsReady({ view, slices, pods: undefined });
    // Without any, it may be scaled to zero on purpose.
    const isEmpty = addressesOf(slices).size === 0;
    return [view, isEmpty ? warning('no endpoints', '') : result];
  });
  return broken(results, 'every Service with a selector has a ready endpoint');
}

async function localPolicies(facts: Facts): Promise<Result> {
  const { services, node } = await facts.cluster();
  if (!node) throw new NotKnown('without a Node no endpoint is local');
  const place = { nodeName: facts.settings.nodeName, zone: node.zone };
  const ports = await facts.servicePorts();
  const byService = Map.groupBy(ports, ({ namespace, service }) => `${namespace}/${service}`);
  const results = [...byService].map(([key, own]): [ServiceView | undefined, Result | undefined] => {
    const result = attempt(() => localEndpoints(own, place, facts.settings.mode));
    if (result?.status !== 'failed') return [services.get(key), result];
    // Where endpoints are few, most nodes have none: that may be meant.
    return [services.get(key), { ...result, status: 'warning', evidence: 'no ready endpoint on this node' }];
  });
  return broken(results, 'no traffic is dropped for want of a local endpoint');
}

/** One result for many: the worst first, three by name. */
export function broken(
  results: readonly (readonly [ServiceView | undefined, Result | undefined])[],
  allWell: string,
): Result {
  const found = results.flatMap(([view, result]) => (view && result ? [{ view, result }] : []));
  const bad = found.filter(({ result }) => result.status === 'failed');
  const doubtful = found.filter(({ result }) => result.status === 'warning');
  const [first] = [...bad, ...doubtful];
  if (!first) return ok(`${allWell} (${counted(found.length, 'Service')})`);
  const named = [...bad, ...doubtful].map(
    ({ view, result }) => `${view.namespace}/${view.name}: ${result.evidence}`,
  );
  const more = named.length > 3 ? `; and ${named.length - 3} more` : '';
  const evidence = `${named.length} of ${counted(results.length, 'Service')}: ${named.slice(0, 3).join('; ')}${more}`;
  const advice = `fairlead doctor svc/${first.view.namespace}/${first.view.name}`;
  return bad.length > 0 ? failed(evidence, advice) : warning(evidence, advice);
}

function attempt(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotKnown) return undefined;
    throw error;
  }
}
