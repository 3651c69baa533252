import { type Endpoint, endpointText, type ServicePort } from '../../../../rules/model.ts';
import { type Check, failed, NotKnown, ok, type Result } from '../check.ts';
import type { Connected } from '../ports.ts';
import { counted, summed } from '../words.ts';
import { requireProgrammed } from './identity.ts';

/** Whether endpoints take connections from this node, and the cluster IP as well. */
export const SERVICE_ANSWERS: Check = {
  id: 'service-answers',
  title: 'connections',
  about: 'service',
  onNode: true,
  run: async (facts) => {
    requireProgrammed(await facts.service());
    const families = await facts.families();
    const ports = (await facts.servicePorts()).filter(
      ({ protocol, family }) => protocol === 'tcp' && families.includes(family),
    );
    if (ports.length === 0) throw new NotKnown('only TCP ports can be tried');
    const { connect } = facts.ports;
    const attempts = ports.flatMap((port) => [
      ...readyOf(port).map(async (endpoint) => {
        const outcome = await connect(endpoint.address, endpoint.port, facts.signal);
        return { what: 'endpoint', target: endpointText(endpoint), local: endpoint.local, outcome } as const;
      }),
      ...(isOpen(port)
        ? [
            (async () => {
              const { clusterIP = '', port: number } = port;
              const outcome = await connect(clusterIP, number, facts.signal);
              const target = endpointText({ address: clusterIP as Endpoint['address'], port: number });
              return { what: 'cluster IP', target, local: false, outcome } as const;
            })(),
          ]
        : []),
    ]);
    return answersOf(await Promise.all(attempts));
  },
};

/** Endpoints of one port that are tried. */
const MOST = 5;

function readyOf({ endpoints }: ServicePort): readonly Endpoint[] {
  return endpoints.filter(({ ready }) => ready).slice(0, MOST);
}

/** Under a Local policy it depends on where endpoints are, which is another check's business. */
function isOpen({ clusterIP, internalPolicyLocal, endpoints }: ServicePort): boolean {
  return clusterIP !== undefined && !internalPolicyLocal && endpoints.some(({ ready }) => ready);
}

/** One connection that was tried from this node. */
export interface Attempt {
  readonly what: 'endpoint' | 'cluster IP';
  /** `ADDRESS:PORT`. */
  readonly target: string;
  /** The endpoint is on this node. */
  readonly local: boolean;
  readonly outcome: Connected;
}

export function answersOf(attempts: readonly Attempt[]): Result {
  const endpoints = attempts.filter(({ what }) => what === 'endpoint');
  if (endpoints.length === 0) throw new NotKnown('no ready endpoint to connect to');
  const silent = endpoints.filter(({ outcome }) => outcome !== 'connected');
  const [first] = silent;
  if (first) {
    const count = `${silent.length} of ${counted(endpoints.length, 'endpoint')}`;
    const one = silent.length === 1;
    const named = summed(silent.map(({ target }) => target));
    if (first.outcome === 'ECONNREFUSED') {
      return failed(
        `${count} ${one ? 'refuses' : 'refuse'} connections (${named}): nothing listens there`,
        'does the container listen on that port, and on all addresses rather than 127.0.0.1? Compare targetPort',
      );
    }
    const why =
      first.outcome === 'timeout'
        ? `${one ? 'does' : 'do'} not answer`
        : `cannot be reached (${first.outcome})`;
    return failed(
      `${count} ${why} (${named})`,
      first.local
        ? "the Pod's interface, a NetworkPolicy, or a firewall on this node: ip route get ADDRESS"
        : 'the network between nodes: is the CNI plugin well here and there, is a NetworkPolicy in the way? ip route get ADDRESS',
    );
  }
  const closed = attempts.find(({ what, outcome }) => what === 'cluster IP' && outcome !== 'connected');
  if (closed) {
    return failed(
      `the endpoints answer, but the cluster IP ${closed.target} does not (${closed.outcome})`,
      'its rules on this node: fairlead diff; fairlead explain shows the way of a packet',
    );
  }
  const shown = summed(attempts.map(({ target }) => target));
  return ok(`${shown} ${attempts.length === 1 ? 'takes' : 'take'} connections from this node`);
}
