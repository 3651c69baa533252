import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** A certificate and its private key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a server with TLS and a client with a certificate need, valid for two days. */
export interface Certificates {
  /** Signs the other two. */
  readonly ca: string;
  /** For 127.0.0.1, ::1, localhost and the addresses asked for. */
  readonly server: KeyPair;
  /** Common name = user, organisation = group. */
  readonly client: KeyPair;
}

/**
 * Makes certificates with openssl.
 * @param addresses further IP addresses that the server is reached by
 * @throws ExecaError where openssl is missing or refuses
 */
export async function makeCertificates(
  addresses: readonly string[] = [],
  user = 'system:kube-proxy',
  group = 'system:node-proxiers',
): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-certificates-'));
  try {
    const names = ['127.0.0.1', '::1', ...addresses].map((address) => `IP:${address}`);
    await selfSigned(directory);
    const server = await signed(directory, 'server', '/CN=kube-apiserver', ['DNS:localhost', ...names]);
    const client = await signed(directory, 'client', `/CN=${user}/O=${group}`, []);
    return { ca: await readFile(join(directory, 'ca.crt'), 'utf8'), server, client };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

async function selfSigned(directory: string): Promise<void> {
  const files = ['-keyout', 'ca.key', '-out', 'ca.crt'];
  await openssl(directory, ['req', '-x509', ...KEY, ...files, '-subj', '/CN=test-ca', '-days', '2']);
}

async function signed(
  directory: string,
  name: string,
  subject: string,
  alternatives: readonly string[],
): Promise<KeyPair> {
  const usage = alternatives.length === 0 ? 'clientAuth' : 'serverAuth';
  const lines = [`extendedKeyUsage=${usage}`];
  if (alternatives.length > 0) lines.push(`subjectAltName=${alternatives.join(',')}`);
  await writeFile(join(directory, `${name}.ext`), `${lines.join('\n')}\n`);
  await openssl(directory, [
    'req',
    ...KEY,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    subject,
  ]);
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', `${name}.ext`];
  await openssl(directory, ['x509', '-req', ...files, ...authority, '-days', '2']);
  const [cert, key] = await Promise.all([
    readFile(join(directory, `${name}.crt`), 'utf8'),
    readFile(join(directory, `${name}.key`), 'utf8'),
  ]);
  return { cert, key };
}

async function openssl(directory: string, args: readonly string[]): Promise<void> {
  await execa('openssl', args, { cwd: directory });
}
