import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeConfigOptions, readKubeConfig } from '../../../src/cluster/kubeconfig.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-kubeconfig-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: object | string): string {
  const path = join(folder, 'config');
  writeFileSync(path, typeof content === 'string' ? content : dump(content));
  return path;
}

function kubeconfig(cluster: object, user: object | undefined, context: object = {}): string {
  return file({
    'current-context': 'it',
    contexts: [{ name: 'it', context: { cluster: 'c', ...(user ? { user: 'u' } : {}), ...context } }],
    clusters: [{ name: 'c', cluster }],
    users: user ? [{ name: 'u', user }] : [],
  });
}

function read(options: Partial<KubeConfigOptions>) {
  const config = readKubeConfig({
    kubeconfig: undefined,
    master: undefined,
    env: {},
    serviceAccount: '/sa',
    ...options,
  });
  return { cluster: config.getCurrentCluster(), user: config.getCurrentUser() };
}

describe('readKubeConfig', () => {
  it('reads tokenFile, by which kubeadm lets kube-proxy in, relative to the file', () => {
    const path = kubeconfig({ server: 'https://a:6443' }, { token: 'old', tokenFile: 'secrets/token' });
    const { user } = read({ kubeconfig: path });
    expect(user?.authProvider).toEqual({
      name: 'tokenFile',
      config: { tokenFile: join(folder, 'secrets/token') },
    });
    expect(user?.token).toBeUndefined();
  });

  it('keeps the CA of a cluster without user', () => {
    const path = kubeconfig({ server: 'https://a:6443', 'certificate-authority': 'ca.crt' }, undefined);
    const { cluster, user } = read({ kubeconfig: path });
    expect(cluster?.caFile).toBe(join(folder, 'ca.crt'));
    expect(user).not.toBeNull();
  });

  it('lets --master win over the file, and completes its scheme', () => {
    const plain = kubeconfig({ server: 'https://a:6443' }, {});
    expect(read({ kubeconfig: plain, master: 'https://b:1/' }).cluster?.server).toBe('https://b:1');
    expect(read({ kubeconfig: plain, master: 'b:1' }).cluster?.server).toBe('http://b:1');
    const secure = kubeconfig({ server: 'https://a:6443', 'certificate-authority': 'ca.crt' }, {});
    expect(read({ kubeconfig: secure, master: 'b:1' }).cluster?.server).toBe('https://b:1');
    expect(read({ master: '10.0.0.1:8080' }).cluster?.server).toBe('http://10.0.0.1:8080');
  });

  it('finds the service account of a Pod', () => {
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    const { cluster, user } = read({ env });
    expect(cluster).toMatchObject({
      server: 'https://[fd00::1]:443',
      caFile: '/sa/ca.crt',
      skipTLSVerify: false,
    });
    expect(user?.authProvider.config.tokenFile).toBe('/sa/token');
  });

  it('goes through the proxy of the file, else of the environment', () => {
    const env = { HTTPS_PROXY: 'http://env:1' };
    const own = kubeconfig({ server: 'https://a:6443', 'proxy-url': 'http://own:2' }, {});
    expect(read({ kubeconfig: own, env }).cluster?.proxyUrl).toBe('http://own:2');
    const none = kubeconfig({ server: 'https://a:6443' }, {});
    expect(read({ kubeconfig: none, env }).cluster?.proxyUrl).toBe('http://env:1');
    expect(read({ kubeconfig: none }).cluster?.proxyUrl).toBeUndefined();
  });

  it('tells an exec plugin what client-go tells it', () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './bin/login',
      provideClusterInfo: true,
    };
    const ca = Buffer.from('a CA').toString('base64');
    const path = kubeconfig({ server: 'https://a:6443', 'certificate-authority-data': ca }, { exec });
    const { user } = read({ kubeconfig: path });
    expect(user?.exec.command).toBe(join(folder, 'bin/login'));
    const [{ name, value }] = user?.exec.env ?? [{}];
    expect(name).toBe('KUBERNETES_EXEC_INFO');
    expect(JSON.parse(value)).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server: 'https://a:6443', 'certificate-authority-data': ca } },
    });
  });

  it.each([
    ['no file', () => '/nowhere/config', 'kubeconfig /nowhere/config cannot be read: ENOENT'],
    ['no YAML', () => file('a: [b'), 'cannot be read: '],
    ['an empty file', () => file(''), 'cannot be read: '],
    ['a cluster without server', () => kubeconfig({}, {}), 'clusters[0].cluster.server is missing'],
    ['no current-context', () => file({ contexts: [] }), 'current-context must name one of its contexts'],
    ['an unknown cluster', () => kubeconfig({ server: 'a' }, {}, { cluster: 'x' }), 'it has no cluster "x"'],
    ['an unknown user', () => kubeconfig({ server: 'a' }, {}, { user: 'x' }), 'it has no user "x"'],
    [
      'no URL',
      () => kubeconfig({ server: 'https://:6443:1' }, {}),
      'must be a URL: current value is "https://:6443:1"',
    ],
  ])('says what is wrong with %s', (_, path, message) => {
    expect(() => read({ kubeconfig: path() })).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(message) }),
    );
  });

  it('says what is missing outside of a Pod', () => {
    expect(() => read({})).toThrow(
      expect.objectContaining({
        code: 'config',
        message: expect.stringContaining('neither --kubeconfig nor --master'),
      }),
    );
  });
});
