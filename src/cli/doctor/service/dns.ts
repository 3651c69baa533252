import { failed, NotKnown, ok, type Result } from '../check.ts';
import { counted, summed } from '../words.ts';

/** What DNS was asked for one name, and what it said. */
export interface DnsAnswers {
  readonly server: string;
  readonly name: string;
  /** Of A and AAAA, or the name of a CNAME. */
  readonly found: readonly string[];
  /** How the server failed to answer: ETIMEOUT, ENOTFOUND, ...; undefined where it did not. */
  readonly error: string | undefined;
}

/** What DNS should say. */
export interface DnsExpectation {
  readonly kind: 'service' | 'headless' | 'external';
  /** Cluster IPs, addresses of ready endpoints, or the external name. */
  readonly values: readonly string[];
  /** Is this the DNS Service itself? Then it is no use to send people there. */
  readonly dnsService: string | undefined;
}

/** Whether the cluster's DNS says of the name what the Service says. */
export function dnsAnswers(answers: DnsAnswers, expected: DnsExpectation): Result {
  const { server, name, error } = answers;
  const found = answers.found.map(plainName);
  const values = expected.values.map(plainName);
  const look = 'kubectl logs -n kube-system -l k8s-app=kube-dns --tail=50';
  if (error === 'ENOTFOUND' || error === 'ENODATA') {
    if (values.length === 0) return ok(`${server} has no address for ${name}, as it has no ready endpoint`);
    return failed(
      `${server} does not know ${name}`,
      `${look}: does it reach the API server? Is the cluster's domain another (--cluster-domain)?`,
    );
  }
  if (error === 'EREFUSED' || error === 'ESERVFAIL') {
    return failed(`${server} refuses to answer for ${name} (${error.slice(1)})`, look);
  }
  if (error !== undefined) {
    const doctor = expected.dnsService === undefined ? '' : `fairlead doctor svc/${expected.dnsService}; `;
    return failed(`${server} does not answer (${error})`, `${doctor}${look}`);
  }
  if (expected.kind === 'external') {
    if (found[0] === values[0]) return ok(`${name} is ${found[0]}`);
    return failed(`${server} says that ${name} is ${found[0]}, not ${values[0]}`, look);
  }
  const missing = values.filter((value) => !found.includes(value));
  const extra = found.filter((value) => !values.includes(value));
  if (expected.kind === 'headless') {
    // DNS may not give all of many addresses at once, and lags behind a little.
    if (extra.length < found.length) return ok(`${name} has ${counted(found.length, 'address')}`);
    return failed(
      `${server} says ${summed(found)} for ${name}, where the endpoints are ${summed(values) || 'none'}`,
      look,
    );
  }
  if (missing.length === 0 && extra.length === 0)
    return ok(`${name} is ${found.join(' and ')}, says ${server}`);
  // A server may be kept from giving answers of one family.
  if (extra.length === 0 && found.length > 0)
    return ok(`${name} is ${found.join(' and ')}, says ${server} (and not ${missing.join(', ')})`);
  return failed(
    `${server} says that ${name} is ${found.join(' and ') || 'nothing'}, but the cluster IP is ${values.join(' and ')}`,
    `${look}: it may answer from an old cache, or be another cluster's`,
  );
}

/** Which servers to ask. @throws NotKnown */
export function dnsServer(
  given: string,
  services: ReadonlyMap<string, { readonly clusterIPs: readonly string[] }>,
): { readonly server: string; readonly service: string | undefined } {
  if (given !== '') return { server: given, service: undefined };
  for (const service of [
    'kube-system/kube-dns',
    'kube-system/coredns',
    'kube-system/rke2-coredns-rke2-coredns',
  ]) {
    const [server] = services.get(service)?.clusterIPs ?? [];
    if (server !== undefined) return { server, service };
  }
  throw new NotKnown('there is no Service kube-system/kube-dns; --dns-address says whom to ask');
}

function plainName(text: string): string {
  return text.toLowerCase().replace(/\.$/, '');
}
