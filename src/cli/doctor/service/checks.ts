import { asObject, type Json, labelsOf } from '../../../tracker/fields.ts';
import { type Check, NotKnown, type Result } from '../check.ts';
import { podsInFiles } from '../cluster/pod-files.ts';
import type { Facts } from '../facts.ts';
import { dnsCheck } from './dns-check.ts';
import { type Backing, endpointsReady, selectorMatches } from './endpoints.ts';
import { exists, requireProgrammed, typeExplained } from './identity.ts';
import { localEndpoints, unclashed } from './policies.ts';
import { portsMatch } from './ports.ts';

/** Everything about one Service that the cluster tells. */
export const SERVICE_CHECKS: readonly Check[] = [
  {
    id: 'service-exists',
    title: 'Service',
    about: 'service',
    run: async (facts) => {
      const { target } = facts.question;
      if (!target) throw new NotKnown('no Service was named');
      const view = await facts.findService();
      const names = view ? [] : (await facts.cluster()).services.keys();
      return exists(target, view, names);
    },
  },
  {
    id: 'service-type',
    title: 'type',
    about: 'service',
    run: async (facts) => typeExplained(await facts.service()),
  },
  {
    id: 'service-selector',
    title: 'selector',
    about: 'service',
    run: async (facts) => {
      const found = await backing(facts);
      return selectorMatches(found, found.pods?.length === 0 ? await neighbours(facts, found) : []);
    },
  },
  {
    id: 'service-ports',
    title: 'ports',
    about: 'service',
    run: async (facts) => {
      const found = await backing(facts);
      if (found.view.headless) throw new NotKnown('ports of headless Services do not count');
      return portsMatch(found);
    },
  },
  {
    id: 'service-endpoints',
    title: 'endpoints',
    about: 'service',
    run: async (facts) => endpointsReady(await backing(facts)),
  },
  {
    id: 'service-clash',
    title: 'addresses',
    about: 'service',
    run: async (facts) => {
      const view = await facts.service();
      requireProgrammed(view);
      const lost = (await facts.everyServicePort()).flatMap((each) => each.lost);
      return unclashed(lost, `${view.namespace}/${view.name}`);
    },
  },
  {
    id: 'service-local-policy',
    title: 'Local policy',
    about: 'service',
    run: async (facts) => {
      requireProgrammed(await facts.service());
      return await localPolicy(facts);
    },
  },
  dnsCheck('service-dns', 'service'),
];

async function localPolicy(facts: Facts): Promise<Result> {
  const { node } = await facts.cluster();
  if (!node) throw new NotKnown('without a Node no endpoint is local');
  const place = { nodeName: facts.settings.nodeName, zone: node.zone };
  return localEndpoints(await facts.servicePorts(), place, facts.settings.mode);
}

/** @throws NotKnown for a Service that has no endpoints by its nature */
export async function backing(facts: Facts): Promise<Backing> {
  const view = await facts.service();
  if (view.type === 'ExternalName') throw new NotKnown('an ExternalName is only a name in DNS');
  const slices = await facts.slices();
  const pods = await facts.pods().catch((error: unknown) => {
    if (error instanceof NotKnown) return undefined;
    throw error;
  });
  return { view, slices, pods };
}

/** Labels of other Pods of the namespace. */
async function neighbours(facts: Facts, { view: { namespace } }: Backing): Promise<readonly Json[]> {
  const { from } = facts.settings;
  if (from.length > 0) {
    const isBeside = (pod: Json): boolean =>
      (asObject(pod['metadata'])?.['namespace'] ?? 'default') === namespace;
    return podsInFiles(from).filter(isBeside).map(labelsOf);
  }
  const answer = await facts
    .api()
    .then((api) => api.get(`/api/v1/namespaces/${namespace}/pods`))
    .catch(() => undefined);
  return (answer?.items ?? []).map(labelsOf);
}
