import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

/** What TLS needs to know, as KubeConfig hands it out. */
export type TlsMaterial = Pick<
  https.AgentOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

/** A change of these means new connections. */
export function fingerprint(material: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const value of Object.values(material)) {
    hash.update(Buffer.isBuffer(value) ? value : String(value)).update('\0');
  }
  return hash.digest('hex');
}

/** Connections that share credentials. Once retired, they close as soon as nobody uses them. */
export class Lease {
  readonly agent: http.Agent;
  #users = 0;
  #retired = false;

  constructor(agent: http.Agent) {
    this.agent = agent;
  }

  acquire(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#retired && this.#users === 0) this.agent.destroy();
  }

  retire(): void {
    this.#retired = true;
    if (this.#users === 0) this.agent.destroy();
  }
}

/**
 * Keeps connections open between requests. Idle ones are probed by TCP after half a minute, not every second as is
 * Node's default: a cluster has thousands of nodes.
 */
export function keepAliveAgent(protocol: string, material: TlsMaterial): http.Agent {
  const options = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 4 };
  return protocol === 'https:' ? new https.Agent({ ...options, ...material }) : new http.Agent(options);
}
