import type { Address, ServicePort } from '../../rules/model.ts';

/**
 * What the kernel watch is told of a change, once it is in the kernel: events that have all to be there, in one
 * transaction or in several.
 */
export interface Signs {
  /** Traffic to the ServicePort may go to this endpoint too. */
  endpointAdded(servicePort: ServicePort, endpoint: BenchEndpoint): readonly string[];
  /** The same, when other endpoints of the ServicePort may come at the same time. */
  thisEndpointAdded(servicePort: ServicePort, endpoint: BenchEndpoint): readonly string[];
  endpointRemoved(servicePort: ServicePort): readonly string[];
  serviceAdded(servicePort: ServicePort): readonly string[];
  serviceRemoved(servicePort: ServicePort): readonly string[];
}

export interface BenchEndpoint {
  readonly address: Address;
  readonly port: number;
}
