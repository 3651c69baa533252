import { type Check, NotKnown, type Result } from '../check.ts';
import type { ServiceView } from '../cluster/views.ts';
import type { Facts } from '../facts.ts';
import { targetText } from '../target.ts';
import { type DnsExpectation, dnsAnswers, dnsServer } from './dns.ts';
import { addressesOf } from './endpoints.ts';

/** Asks the cluster's DNS for the Service; where none was named, for that of the API server, which every cluster has. */
export function dnsCheck(id: string, about: Check['about']): Check {
  return { id, title: 'DNS', about, onNode: true, run };
}

async function run(facts: Facts): Promise<Result> {
  const { dnsAddress, clusterDomain } = facts.question;
  const view = facts.question.target ? await facts.service() : await apiService(facts);
  const { services } = await facts.cluster();
  const { server, service } = dnsServer(dnsAddress, services);
  const name = `${view.name}.${view.namespace}.svc.${clusterDomain}`;
  const expected = await expectation(facts, view);
  const dnsService = `${view.namespace}/${view.name}` === service ? undefined : service;
  const types = expected.kind === 'external' ? (['CNAME'] as const) : (['A', 'AAAA'] as const);
  const answers = await Promise.allSettled(
    types.map((type) => facts.ports.dns.ask(server, name, type, facts.signal)),
  );
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [codeOf(answer.reason)] : []));
  // A name may well have addresses of one family only.
  const error = found.length > 0 ? undefined : (errors.find((code) => code !== 'ENODATA') ?? errors[0]);
  return dnsAnswers({ server, name, found, error }, { ...expected, dnsService });
}

async function apiService(facts: Facts): Promise<ServiceView> {
  const view = (await facts.cluster()).services.get(targetText({ namespace: 'default', name: 'kubernetes' }));
  if (view) return view;
  throw new NotKnown('there is no Service default/kubernetes to ask for');
}

async function expectation(facts: Facts, view: ServiceView): Promise<Omit<DnsExpectation, 'dnsService'>> {
  if (view.type === 'ExternalName') return { kind: 'external', values: [view.externalName ?? ''] };
  if (!view.headless) return { kind: 'service', values: view.clusterIPs };
  const ready = [...addressesOf(await facts.slices()).values()].filter((endpoint) => endpoint.ready);
  return { kind: 'headless', values: ready.map(({ address }) => address) };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
