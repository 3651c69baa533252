import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { load } from 'js-yaml';
import { ClusterError, reasonOf } from './errors.ts';
import type { Environment } from './proxy.ts';
import { proxyFor } from './proxy.ts';

export interface KubeConfigOptions {
  /** Path of a kubeconfig file. Absent, and `master` too: the Pod's service account. */
  readonly kubeconfig: string | undefined;
  /** The API server's address; wins over the kubeconfig's. Without a scheme it is http, as for kube-proxy. */
  readonly master: string | undefined;
  readonly env: Environment;
  /** Where the kubelet mounts the service account: `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccount: string;
}

/**
 * One cluster and one user, as KubeConfig, from whichever source the options name.
 * What the client library leaves out is filled in here: `tokenFile` (kubeadm's kubeconfig for kube-proxy lives by
 * it), a user where there is none (without one the library ignores the CA), proxies from the environment, exec
 * commands relative to the file, KUBERNETES_EXEC_INFO.
 * @throws ClusterError `config`
 */
export function readKubeConfig(options: KubeConfigOptions): KubeConfig {
  const { kubeconfig, master, env } = options;
  const source = kubeconfig
    ? fromFile(kubeconfig)
    : master
      ? { cluster: { name: 'master', server: master, skipTLSVerify: false }, user: { name: 'anonymous' } }
      : inCluster(options);
  const cluster = completeCluster(source.cluster, master, env);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, completeUser(source.user, cluster));
  return config;
}

interface Source {
  readonly cluster: Cluster;
  readonly user: User;
}

function fromFile(path: string): Source {
  const config = new KubeConfig();
  let document: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    document = load(text);
    config.loadFromString(text);
  } catch (error) {
    throw new ClusterError('config', `kubeconfig ${path} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const folder = dirname(path);
  config.makePathsAbsolute(folder);
  const context = config.getContextObject(config.getCurrentContext());
  if (!context) {
    throw new ClusterError(
      'config',
      `kubeconfig ${path}: current-context must name one of its contexts: current value is "${config.getCurrentContext() ?? ''}"`,
    );
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new ClusterError('config', `kubeconfig ${path}: it has no cluster "${context.cluster}"`);
  }
  const user = config.getCurrentUser();
  if (!user) {
    if (context.user)
      throw new ClusterError('config', `kubeconfig ${path}: it has no user "${context.user}"`);
    return { cluster, user: { name: 'anonymous' } };
  }
  return { cluster, user: withFiles(user, tokenFileOf(document, user.name), folder) };
}

function inCluster({ env, serviceAccount }: KubeConfigOptions): Source {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new ClusterError(
      'config',
      'no API server to talk to: neither --kubeconfig nor --master is given, and this is no Pod (KUBERNETES_SERVICE_HOST is not set)',
    );
  }
  return {
    cluster: {
      name: 'in-cluster',
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      caFile: join(serviceAccount, 'ca.crt'),
      skipTLSVerify: false,
    },
    user: { name: 'service-account', authProvider: fileProvider(join(serviceAccount, 'token')) },
  };
}

function completeCluster(cluster: Cluster, master: string | undefined, env: Environment): Cluster {
  const server = withScheme(master || cluster.server, Boolean(cluster.caFile || cluster.caData));
  if (!URL.canParse(server)) {
    throw new ClusterError('config', `the API server's address must be a URL: current value is "${server}"`);
  }
  const proxyUrl = cluster.proxyUrl ?? proxyFor(new URL(server), env);
  return {
    ...cluster,
    server,
    // To plain http the library speaks only when told that nothing is verified, which is the truth there.
    skipTLSVerify: cluster.skipTLSVerify || server.startsWith('http:'),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  };
}

function withScheme(server: string, tls: boolean): string {
  const absolute = server.includes('://') ? server : `${tls ? 'https' : 'http'}://${server}`;
  return absolute.replace(/\/+$/, '');
}

function withFiles(user: User, tokenFile: string | undefined, folder: string): User {
  if (tokenFile !== undefined) {
    const { token: _, ...rest } = user;
    return { ...rest, authProvider: fileProvider(absolute(folder, tokenFile)) };
  }
  const command: unknown = user.exec?.command;
  if (typeof command !== 'string' || !command.includes('/')) return user;
  return { ...user, exec: { ...user.exec, command: absolute(folder, command) } };
}

/** client-go's contract with credential plugins: some refuse to work without it. */
function completeUser(user: User, cluster: Cluster): User {
  if (!user.exec) return user;
  const info = {
    apiVersion: user.exec.apiVersion,
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(user.exec.provideClusterInfo
        ? {
            cluster: {
              server: cluster.server,
              'tls-server-name': cluster.tlsServerName,
              'insecure-skip-tls-verify': cluster.skipTLSVerify,
              'certificate-authority-data':
                cluster.caData ?? (cluster.caFile && readFileSync(cluster.caFile).toString('base64')),
            },
          }
        : {}),
    },
  };
  const env = [...(user.exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
  return { ...user, exec: { ...user.exec, env } };
}

function fileProvider(tokenFile: string): { name: string; config: { tokenFile: string } } {
  return { name: 'tokenFile', config: { tokenFile } };
}

function absolute(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

function tokenFileOf(document: unknown, userName: string): string | undefined {
  const users = (document as { users?: { name?: unknown; user?: { tokenFile?: unknown } }[] } | null)?.users;
  const tokenFile = users?.find((entry) => entry.name === userName)?.user?.tokenFile;
  return typeof tokenFile === 'string' && tokenFile !== '' ? tokenFile : undefined;
}
