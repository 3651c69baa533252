import { dump } from 'js-yaml';

export interface KubeconfigParts {
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority?: string | undefined;
  readonly token?: string | undefined;
  /** PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** The text of a kubeconfig file with one cluster, one user and one context. */
export function kubeconfigText(parts: KubeconfigParts): string {
  const { server, certificateAuthority, token, clientCertificate } = parts;
  const user = {
    ...(token === undefined ? {} : { token }),
    ...(clientCertificate === undefined
      ? {}
      : {
          'client-certificate-data': base64(clientCertificate.cert),
          'client-key-data': base64(clientCertificate.key),
        }),
  };
  const cluster = {
    server,
    ...(certificateAuthority === undefined
      ? {}
      : { 'certificate-authority-data': base64(certificateAuthority) }),
  };
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
