import { type Answer, JSON_TYPE, type RouteRequest, text } from './route.ts';

/** The name that pages show; kube-proxy's pages show its own. */
const COMPONENT = 'fairlead';

const WARNING = 'Warning: This page is for people: its form may change at any time.';

export interface StatusPage {
  /** ms since the epoch. */
  readonly started: number;
  /** ms since the epoch. */
  readonly now: number;
  readonly version: string;
  readonly paths: readonly string[];
}

/** `/statusz`: text for people, or a Statusz of config.k8s.io where that is asked for (KEP-4827). */
export function statusz({ started, now, version, paths }: StatusPage, { accept }: RouteRequest): Answer {
  const uptime = Math.max(0, Math.floor((now - started) / 1000));
  const minutes = Math.floor(uptime / 60);
  return zPage(accept, 'Statusz', {
    text: () => `
${COMPONENT} statusz
${WARNING}

Started: ${new Date(started).toUTCString()}
Up: ${Math.floor(minutes / 60)} hr ${twoDigits(minutes % 60)} min ${twoDigits(uptime % 60)} sec
Node.js version: ${process.version}
Binary version: ${version}
Paths: ${paths.join(' ')}
`,
    fields: () => ({
      startTime: new Date(started).toISOString().replace(/\.\d+Z$/, 'Z'),
      uptimeSeconds: uptime,
      binaryVersion: version,
      paths,
    }),
  });
}

/** `/flagz`: every flag with its value; text for people, or a Flagz of config.k8s.io (KEP-4828). */
export function flagz(
  flags: readonly { readonly name: string; readonly value: string }[],
  { accept }: RouteRequest,
): Answer {
  return zPage(accept, 'Flagz', {
    text: () =>
      `\n${COMPONENT} flags\n${WARNING}\n\n${flags.map(({ name, value }) => `${name}=${value}\n`).join('')}`,
    fields: () => ({ flags: Object.fromEntries(flags.map(({ name, value }) => [name, value])) }),
  });
}

const VERSIONS = ['v1alpha1', 'v1beta1'];

/** Objects are given only to those who ask for one by name: nobody is to rely on them by accident. */
function zPage(
  accept: string,
  kind: string,
  page: { readonly text: () => string; readonly fields: () => object },
): Answer {
  if (accept.trim() === '') return text(page.text());
  for (const range of accept.split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim());
    if (['text/plain', 'text/*', '*/*'].includes(type.toLowerCase())) return text(page.text());
    const parameters = new URLSearchParams(rest.join('&'));
    const version = parameters.get('v') ?? '';
    const wanted = parameters.get('as') === kind && parameters.get('g') === 'config.k8s.io';
    if (type.toLowerCase() === JSON_TYPE && wanted && VERSIONS.includes(version)) {
      const head = { kind, apiVersion: `config.k8s.io/${version}`, metadata: { name: COMPONENT } };
      return { type: JSON_TYPE, body: JSON.stringify({ ...head, ...page.fields() }) };
    }
  }
  return text(
    `must be accepted: text/plain or ${JSON_TYPE};as=${kind};v=v1beta1;g=config.k8s.io: the header Accept is "${accept}"\n`,
    406,
  );
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0');
}
