import type {
  Address,
  Endpoint,
  NodeFacts,
  ProxySettings,
  ServicePort,
  ServicePortKey,
} from '../../../rules/model.ts';

/** A plain ServicePort `default/web:http` with what is given. Its name and key follow from it. */
export function servicePort(given: Partial<ServicePort> = {}): ServicePort {
  const { namespace = 'default', service = 'web', portName = 'http', protocol = 'tcp' } = given;
  const name = `${namespace}/${service}${portName === '' ? '' : `:${portName}`}`;
  return {
    key: `${name}/${protocol}` as ServicePortKey,
    name,
    namespace,
    service,
    portName,
    family: 'ipv4',
    protocol,
    created: 0,
    port: 80,
    nodePort: 0,
    healthCheckNodePort: 0,
    clusterIP: '10.96.0.10' as Address,
    externalIPs: [],
    loadBalancerIPs: [],
    sourceRanges: [],
    externalPolicyLocal: false,
    internalPolicyLocal: false,
    affinitySeconds: 0,
    endpoints: [],
    ...given,
  };
}

/** A ready endpoint on another node with what is given. */
export function endpoint(address: string, given: Partial<Endpoint> = {}): Endpoint {
  return {
    address: address as Address,
    port: 8080,
    local: false,
    ready: true,
    serving: true,
    terminating: false,
    nodeName: 'node-b',
    zoneHints: [],
    nodeHints: [],
    ...given,
  };
}

export function nodeFacts(given: Partial<NodeFacts> = {}): NodeFacts {
  return {
    nodeName: 'node-a',
    zone: 'zone-a',
    nodeIP: '172.18.0.2' as Address,
    podCIDRs: [],
    localAddresses: ['172.18.0.2', '127.0.0.1'] as Address[],
    serviceCIDRs: [],
    ...given,
  };
}

export function proxySettings(given: Partial<ProxySettings> = {}): ProxySettings {
  return {
    family: 'ipv4',
    localDetector: { kind: 'none' },
    masqueradeAll: false,
    masqueradeMark: 0x4000,
    nodePortAddresses: [],
    localhostNodePorts: true,
    conntrackTCPBeLiberal: false,
    nfacct: true,
    randomFully: true,
    ...given,
  };
}
