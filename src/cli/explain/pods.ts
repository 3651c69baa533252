import { parseAddress } from '../../../rules/address.ts';
import type { Address } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import { RuntimeFailure } from '../../failure.ts';
import { asList, asObject, asString, type Json } from '../../tracker/fields.ts';
import { ApiReader } from '../api-reader.ts';
import { connect } from '../cluster.ts';
import type { NamedTracker } from './named-tracker.ts';

/** A Pod and where it runs. */
export interface FoundPod {
  /** `namespace/name`. */
  readonly pod: string;
  readonly addresses: readonly Address[];
  readonly nodeName: string | undefined;
}

/**
 * Where a Pod is: what EndpointSlices tell of it, else what the API server says.
 * @throws UsageError where there is no such Pod, RuntimeFailure where it cannot be asked for or has no address,
 *   ClusterError
 */
export async function findPod(
  pod: { readonly namespace: string; readonly name: string },
  names: NamedTracker,
  settings: Settings,
  signal: AbortSignal,
): Promise<FoundPod> {
  const key = `${pod.namespace}/${pod.name}`;
  const addresses = names.addressesOf(key);
  const [first] = addresses;
  if (first !== undefined) return { pod: key, addresses, nodeName: names.podAt(first)?.nodeName };
  if (settings.from.length > 0) {
    const where = 'is no endpoint in the files of --from, which tell nothing else of Pods';
    throw new UsageError(`Pod ${key} ${where}: ${INSTEAD}`);
  }
  return await askForPod(pod, key, settings, signal);
}

const INSTEAD = 'give its address with --from-ip';
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [200, 'its answer is no Pod'],
  [403, 'its role may not read Pods'],
]);

async function askForPod(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  key: string,
  settings: Settings,
  signal: AbortSignal,
): Promise<FoundPod> {
  const connection = await connect(settings);
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const { status, body } = await new ApiReader(connection, signal).get(path);
    if (status === 404) throw new UsageError(`there is no Pod ${key}`);
    if (status !== 200 || !asObject(body['metadata'])) {
      const why = REFUSALS.get(status) ?? `status ${status}`;
      const message = `the API server does not tell where Pod ${key} is (${why}): ${INSTEAD}`;
      throw new RuntimeFailure('pod', message);
    }
    return podOf(key, body);
  } finally {
    connection.close();
  }
}

function podOf(key: string, { status, spec }: Json): FoundPod {
  const { podIPs, podIP, phase } = asObject(status) ?? {};
  const texts = [podIP, ...(asList(podIPs) ?? []).map((entry) => asObject(entry)?.['ip'])];
  const addresses = texts
    .map((address) => (typeof address === 'string' ? parseAddress(address) : undefined))
    .filter((address) => address !== undefined);
  if (addresses.length === 0) {
    throw new RuntimeFailure('pod', `Pod ${key} has no address yet: it is ${asString(phase) ?? 'unknown'}`);
  }
  return {
    pod: key,
    addresses: [...new Set(addresses)],
    nodeName: asString(asObject(spec)?.['nodeName']),
  };
}
