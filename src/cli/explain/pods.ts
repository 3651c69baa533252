import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parseAddress } from '../../../rules/address.ts';
import type { Address } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import { RuntimeFailure } from '../../failure.ts';
import { asList, asObject, asString } from '../../tracker/fields.ts';
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

async function askForPod(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  key: string,
  settings: Settings,
  signal: AbortSignal,
): Promise<FoundPod> {
  const connection = await connect(settings);
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const response = await connection.request({ path, signal });
    const body = await text(Readable.from(response.body));
    if (response.status === 404) throw new UsageError(`there is no Pod ${key}`);
    if (response.status !== 200) {
      const why = response.status === 403 ? 'its role may not read Pods' : `status ${response.status}`;
      const message = `the API server does not tell where Pod ${key} is (${why}): ${INSTEAD}`;
      throw new RuntimeFailure('pod', message);
    }
    return podOf(key, JSON.parse(body));
  } finally {
    connection.close();
  }
}

function podOf(key: string, object: unknown): FoundPod {
  const { status, spec } = asObject(object) ?? {};
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
