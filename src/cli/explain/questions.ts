import { familyOf } from '../../../rules/address.ts';
import type { Address, Family, ServicePort } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { nearest, UsageError } from '../../config/usage.ts';
import type { KnownCluster, KnownService } from './cluster.ts';
import type { From, To } from './operands.ts';
import type { Destination } from './service-at.ts';

/** One way to ask: a destination, and what is known of it. */
export interface Question extends Destination {
  readonly family: Family;
  /** The Service that was asked for by its name. */
  readonly servicePort: ServicePort | undefined;
}

type ServiceTo = Extract<To, { kind: 'service' }>;

/** The families that matter for a question. @throws UsageError where sender and destination have none in common */
export function familiesOf(from: From | undefined, to: To, wanted: Family | undefined): readonly Family[] {
  const sides = [
    ...(from?.kind === 'address' ? [familyOf(from.address)] : []),
    ...(to.kind === 'address' ? [familyOf(to.address)] : []),
    ...(wanted === undefined ? [] : [wanted]),
  ];
  const [first] = sides;
  if (first === undefined) return FAMILIES;
  if (sides.every((family) => family === first)) return [first];
  throw new UsageError('sender, destination and --ip-family must be of one IP family');
}

/**
 * The ServicePorts that are meant.
 * @throws UsageError where there are none
 */
export function servicesMeant(
  to: ServiceTo,
  cluster: KnownCluster,
  families: readonly Family[],
): readonly KnownService[] {
  const key = `${to.namespace}/${to.name}`;
  const all = families.flatMap((family) => cluster.services(family));
  const own = all.filter(({ servicePort }) => `${servicePort.namespace}/${servicePort.service}` === key);
  if (own.length === 0) throw new UsageError(missingService(key, cluster));
  const meant = own.filter(
    ({ servicePort: { port, portName, protocol } }) =>
      (to.port === undefined || to.port === portName || to.port === String(port)) &&
      (to.protocol === undefined || to.protocol === protocol),
  );
  if (meant.length > 0) return meant;
  const ports = own.map(
    ({ servicePort: { port, portName, protocol } }) => `${port}/${protocol}${portName && ` (${portName})`}`,
  );
  const asked = `${to.port ?? ''}${to.protocol ? `/${to.protocol}` : ''}`;
  throw new UsageError(`Service ${key} has no port ${asked}: it has ${[...new Set(ports)].join(', ')}`);
}

function missingService(key: string, cluster: KnownCluster): string {
  const names = [...cluster.names.serviceNames];
  if (names.includes(key))
    return `Service ${key} has nothing for this IP family, or nothing that can be used`;
  const meant = nearest(key, names);
  return `there is no Service ${key}${meant === undefined ? '' : `, did you mean ${meant}?`}`;
}

/** The address of one family among several. */
export function ofFamily(addresses: readonly Address[], family: Family): Address | undefined {
  return addresses.find((address) => familyOf(address) === family);
}
