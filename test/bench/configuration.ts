import { CLUSTER_CIDR, NODE_NAME } from './cluster-objects.ts';

/** A KubeProxyConfiguration that leaves alone what is the whole machine's: the limits of conntrack. */
export function configuration(mode: string, kubeconfig: string): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ${mode}
hostnameOverride: ${NODE_NAME}
clusterCIDR: ${CLUSTER_CIDR}
clientConnection:
  kubeconfig: ${kubeconfig}
conntrack:
  maxPerCore: 0
  min: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
`;
}
