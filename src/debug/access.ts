import { isIP } from 'node:net';
import { type Answer, type Route, text } from './route.ts';

/**
 * Keeps web pages from reading what the routes answer. A page of another site may send requests here, but not read
 * the answers; unless its name is made to lead to this address once it is loaded (DNS rebinding): requests then name
 * that site as their host. Addresses cannot be bent like that, nor can localhost.
 */
export function guarded(routes: readonly Route[]): readonly Route[] {
  return routes.map((route) => ({
    ...route,
    answer: (request) => {
      const { host = '', 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
      if (!isTrustedHost(host)) {
        return refusal(`the header Host must be localhost or an IP address: current value is "${host}"`);
      }
      // Nor need others make it work for them. Following a link is no harm.
      if (site !== undefined && site !== 'same-origin' && site !== 'none' && mode !== 'navigate') {
        return refusal('other sites have no business here');
      }
      return route.answer(request);
    },
  }));
}

/** @param host as the header has it: with or without a port */
export function isTrustedHost(host: string): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (name === 'localhost') return true;
  return name.startsWith('[') && name.endsWith(']') ? isIP(name.slice(1, -1)) === 6 : isIP(name) === 4;
}

function refusal(message: string): Answer {
  return text(`${message}\n`, 403);
}
