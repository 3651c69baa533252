import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { eventually } from './deadline.ts';
import type { Namespace, Subprocess } from './namespaces.ts';

export const CAFE_HOST = 'cafe.example.com';

/** ms; an emulated processor takes its time. */
const PATIENCE_MS = 60_000;

/**
 * How often a request may be sent to a cluster IP again that has refused the connection. Each goes to an endpoint that
 * chance chooses.
 */
const TRIES = 16;

const POT_BYTES = 3_000;

/** A real nginx in a namespace. */
export class Nginx implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: Subprocess;
  #complaints = '';

  /** Starts it; when this resolves, it listens. @param http what is in the http block, besides files and folders */
  static async start(namespace: Namespace, folder: string, http: string): Promise<Nginx> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'nginx.conf');
    await writeFile(file, configuration(folder, http));
    const nginx = new Nginx(
      folder,
      namespace.start(['nginx', '-e', 'stderr', '-p', folder, '-c', file], { LC_ALL: 'C' }),
    );
    await nginx.#listens();
    return nginx;
  }

  private constructor(folder: string, process: Subprocess) {
    this.#folder = folder;
    this.#process = process;
    process.stdout.resume();
    process.stderr.on('data', (text) => {
      this.#complaints += text;
    });
  }

  /** Lets it finish what it is doing, and end. */
  async quit(): Promise<void> {
    this.#process.kill('SIGQUIT');
    const { exitCode } = await this.#process;
    if (exitCode !== 0) throw new Error(`nginx ended with ${exitCode}: ${this.#complaints}`);
  }

  /** Ends it in the middle of whatever it does: what nginx calls a fast shutdown. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#process;
  }

  /** Lines of its access log, oldest first. */
  async visits(): Promise<readonly Visit[]> {
    const lines = (await readFile(join(this.#folder, 'access.log'), 'utf8')).split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listens(): Promise<void> {
    const pid = join(this.#folder, 'nginx.pid');
    await Promise.race([
      eventually(
        'nginx listens',
        () =>
          access(pid).then(
            () => true,
            () => undefined,
          ),
        {
          timeoutMs: PATIENCE_MS,
          pauseMs: 20,
        },
      ),
      this.#process.then(() => {
        throw new Error(`nginx has ended: ${this.#complaints}`);
      }),
    ]);
  }
}

/** A line of the access log. */
export interface Visit {
  /** The source address that nginx has seen. */
  readonly client: string;
  readonly path: string;
  readonly status: number;
  /** Where the request was sent on to; empty where it was answered right here. */
  readonly upstream: string;
}

/** Writes a key and a certificate for the site, which is its own authority. */
export async function makeCertificate(key: string, certificate: string): Promise<void> {
  await run([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${CAFE_HOST}`],
    ...['-addext', `subjectAltName=DNS:${CAFE_HOST}`],
  ]);
}

/**
 * A Pod that serves: it answers with its name, and with the client that it has seen and was told about. What ends on
 * /pot takes some seconds to be poured.
 */
export function servingHttp(
  pod: string,
  addresses: readonly string[],
  port: number,
  { potSeconds }: { readonly potSeconds: number },
): string {
  const answer = (size: number) =>
    JSON.stringify({
      pod,
      client: '$remote_addr',
      forwardedFor: '$http_x_forwarded_for',
      tea: '~'.repeat(size),
    });
  return `
  server {
    ${listens(addresses, `${port}`)}
    default_type application/json;
    add_header X-Pod ${pod};
    location / { return 200 '${answer(0)}'; }
    location ~ /pot$ { limit_rate ${Math.ceil(POT_BYTES / potSeconds)}; return 200 '${answer(POT_BYTES)}'; }
  }`;
}

/** The ingress controller: TLS outside, plain HTTP to the cluster IPs. */
export function ingressHttp(
  name: string,
  addresses: readonly string[],
  tls: { readonly key: string; readonly certificate: string },
  services: Readonly<Record<'tea' | 'coffee', string>>,
): string {
  const upstreams = Object.entries(services).map(
    ([path, address]) => `
  upstream ${path} {
${`    server ${address}:80 max_fails=0;\n`.repeat(TRIES)}  }`,
  );
  const locations = Object.keys(services).map((path) => `location /${path} { proxy_pass http://${path}; }`);
  return `
  ${upstreams.join('')}
  server {
    ${listens(addresses, '443', ' ssl')}
    server_name ${CAFE_HOST};
    ssl_certificate ${tls.certificate};
    ssl_certificate_key ${tls.key};
    add_header X-Controller ${name};
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_buffering off;
    proxy_connect_timeout 5s;
    ${locations.join('\n    ')}
    location / { return 404; }
  }`;
}

function listens(addresses: readonly string[], port: string, more = ''): string {
  const all = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  return all.map((address) => `listen ${address}:${port} backlog=1024${more};`).join('\n    ');
}

/** Everything that nginx writes is in its folder. */
function configuration(folder: string, http: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
user root;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  ${places.map((place) => `${place}_temp_path ${folder}/${place};`).join('\n  ')}
  log_format visits escape=json '{"client":"$remote_addr","path":"$uri","status":$status,"upstream":"$upstream_addr"}';
  access_log ${folder}/access.log visits;
  server_tokens off;
${http}
}
`;
}
