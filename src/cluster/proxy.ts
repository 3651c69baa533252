import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for a server, read as Go programs read them (kubeadm
 * hands these variables to kube-proxy's Pods): lower case wins where only that is set, NO_PROXY knows `*`, host
 * names with their subdomains, addresses and CIDRs, each with an optional port, and this machine is never proxied.
 */
export function proxyFor(server: URL, env: Environment): string | undefined {
  const scheme = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = env[scheme] || env[scheme.toLowerCase()];
  if (!proxy || !wantsProxy(server, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function wantsProxy(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || contains('127.0.0.0/8', host) || contains('::1/128', host)) return false;
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  return !noProxy.split(',').some((entry) => exempts(entry.trim().toLowerCase(), host, port));
}

function exempts(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return contains(entry, host);
  const [name, only] = splitPort(entry);
  if (only !== undefined && only !== port) return false;
  if (isIP(name) !== 0) return contains(`${name}/${isIP(name) === 6 ? 128 : 32}`, host);
  const domain = name.replace(/^\*?\./, '');
  const subdomainsOnly = domain !== name;
  return host.endsWith(`.${domain}`) || (!subdomainsOnly && host === domain);
}

function splitPort(entry: string): [name: string, port: string | undefined] {
  if (isIP(entry) !== 0) return [entry, undefined];
  const match = /^\[?(.+?)\]?:(\d+)$/.exec(entry);
  return match?.[1] === undefined ? [entry.replace(/^\[|\]$/g, ''), undefined] : [match[1], match[2]];
}

function contains(cidr: string, host: string): boolean {
  const family = isIP(host);
  const [network = '', length = ''] = cidr.split('/');
  if (family === 0 || isIP(network) !== family || !/^\d{1,3}$/.test(length)) return false;
  if (Number(length) > (family === 6 ? 128 : 32)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, Number(length), type);
  return list.check(host, type);
}
