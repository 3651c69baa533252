import type { ProxySettings } from '../model.ts';

/** Matches traffic of this node's Pods; undefined where it cannot be told. */
export function localMatch(settings: ProxySettings): string | undefined {
  return match(settings, '');
}

/** Matches all other traffic; undefined where it cannot be told. */
export function notLocalMatch(settings: ProxySettings): string | undefined {
  return match(settings, '!= ');
}

function match({ localDetector, family }: ProxySettings, operator: '' | '!= '): string | undefined {
  switch (localDetector.kind) {
    case 'none':
      return undefined;
    case 'cidr':
      return `${family === 'ipv6' ? 'ip6' : 'ip'} saddr ${operator}${localDetector.cidr}`;
    case 'bridge':
      return `iifname ${operator}"${localDetector.interface}"`;
    case 'prefix':
      return `iifname ${operator}"${localDetector.prefix}*"`;
  }
}
