import assert from 'node:assert/strict';
import { FAMILIES, type Family } from '../../../rules/model.ts';
import type { Lab } from '../lab.ts';
import { type ApiObject, clusterIP, SERVICE_PORT, type ServiceOptions, service } from '../manifest.ts';
import { ADDRESSES, POD_PORT, type PodName } from '../topology.ts';
import { askSctp, serveSctp } from './sctp.ts';

const PODS: readonly PodName[] = ['pod-a', 'pod-b'];
const OPTIONS: ServiceOptions = { n: 30, endpoints: PODS, nodePort: 30030 };

/** A Service over SCTP, which the hosts' own kernels may not have. */
export function overSctp(): readonly ApiObject[] {
  const objects = service('sctp', OPTIONS);
  return JSON.parse(JSON.stringify(objects).replaceAll('"protocol":"TCP"', '"protocol":"SCTP"'));
}

/** Pods that answer SCTP with their names, in both families. */
export class SctpServers implements AsyncDisposable {
  readonly #servers: AsyncDisposableStack;

  static async start(lab: Lab): Promise<SctpServers> {
    await using servers = new AsyncDisposableStack();
    const starts = FAMILIES.flatMap((family) =>
      PODS.map(async (pod) => {
        const at = { address: ADDRESSES[family].pods[pod], port: POD_PORT };
        servers.use(await serveSctp(lab.pod(pod), at, pod));
      }),
    );
    await Promise.all(starts);
    return new SctpServers(servers.move());
  }

  private constructor(servers: AsyncDisposableStack) {
    this.#servers = servers;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#servers.disposeAsync();
  }
}

/** Asks until each Pod has answered: by the cluster IP from a Pod, by the node port from outside. */
export async function expectSctp(lab: Lab, family: Family): Promise<void> {
  const ways = [
    [lab.pod('pod-c'), clusterIP(family, OPTIONS.n), SERVICE_PORT],
    [lab.outside, ADDRESSES[family].node, OPTIONS.nodePort ?? 0],
  ] as const;
  for (const [from, to, port] of ways) {
    const seen = new Set<string>();
    // A scheduler that throws dice gives all answers to one of two once in half a million times.
    for (let i = 0; i < 20 && seen.size < PODS.length; i++) seen.add(await askSctp(from, to, port));
    assert.deepEqual([...seen].sort(), PODS, `${from.name} to ${to}`);
  }
}
