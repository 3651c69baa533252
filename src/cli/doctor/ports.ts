import { Resolver } from 'node:dns/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Exec, type LineExec, systemExec } from '../../dataplane/exec.ts';
import { type Sysctl, systemSysctl } from '../../dataplane/sysctl.ts';
import { readingExec, readingLines } from '../diff/reading-exec.ts';

/** The world, as far as the doctor looks at it. Nothing of it writes. */
export interface Ports {
  readonly exec: Exec & LineExec;
  readonly sysctl: Pick<Sysctl, 'read'>;
  readonly files: Files;
  /** @throws Error where nobody answers */
  readonly get: (url: string, signal: AbortSignal) => Promise<HttpAnswer>;
  readonly dns: Dns;
  /** Opens a TCP connection and closes it. */
  readonly connect: (address: string, port: number, signal: AbortSignal) => Promise<Connected>;
  /** Resolves after so many ms, or rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly pid: number;
  readonly kernelRelease: string;
}

/** Files of the kernel, which are not there or not readable as often as they are. */
export interface Files {
  read(path: string): string | undefined;
  /** Names in a folder; none where there is no such folder. */
  list(path: string): readonly string[];
  /** Where a symbolic link leads. */
  link(path: string): string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** How an attempt to connect ended: `timeout` is silence, `ECONNREFUSED` a refusal, others are as the system calls them. */
export type Connected = 'connected' | 'timeout' | `E${string}`;

/** Asks one DNS server. */
export interface Dns {
  /**
   * @param server `ADDRESS` or `ADDRESS:PORT`
   * @returns addresses, or the one name of a CNAME
   * @throws Error with a code such as ENOTFOUND (no such name), ENODATA (no such record), ETIMEOUT
   */
  ask(
    server: string,
    name: string,
    type: 'A' | 'AAAA' | 'CNAME',
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}

const systemFiles: Files = {
  read: (path) => attempt(() => readFileSync(path, 'utf8')),
  list: (path) => attempt(() => readdirSync(path)) ?? [],
  link: (path) => attempt(() => readlinkSync(path)),
};

const DNS_TIMEOUT_MS = 1_500;
const HTTP_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 1_500;

export function systemPorts(kernelRelease: string): Ports {
  return {
    exec: { ...readingExec(systemExec), ...readingLines(systemExec) },
    sysctl: systemSysctl,
    files: systemFiles,
    get,
    dns: { ask },
    connect: open,
    pause,
    pid: process.pid,
    kernelRelease,
  };
}

async function ask(
  server: string,
  name: string,
  type: 'A' | 'AAAA' | 'CNAME',
  signal: AbortSignal,
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 2 });
  resolver.setServers([server]);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    if (type === 'CNAME') return await resolver.resolveCname(name);
    return await (type === 'A' ? resolver.resolve4(name) : resolver.resolve6(name));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function get(url: string, signal: AbortSignal): Promise<HttpAnswer> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(HTTP_TIMEOUT_MS)]);
  return await new Promise((resolve, reject) => {
    const sent = request(url, { signal: limit, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, text: body }), reject);
    });
    sent.on('error', reject).end();
  });
}

function open(host: string, port: number, signal: AbortSignal): Promise<Connected> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS, signal });
    const end = (outcome: Connected): void => {
      resolve(outcome);
      socket.destroy();
    };
    socket.once('connect', () => end('connected'));
    socket.once('timeout', () => end('timeout'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code as Connected));
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
