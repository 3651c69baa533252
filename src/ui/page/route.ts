import { useEffect, useState } from 'preact/hooks';

/** The Service that is looked at. */
export interface Selected {
  readonly namespace: string;
  readonly name: string;
}

/** What the address bar says; undefined: the node. */
export function useSelected(): Selected | undefined {
  const [selected, setSelected] = useState(parse(location.hash));
  useEffect(() => {
    const onChange = () => setSelected(parse(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return selected;
}

export function serviceHref(namespace: string, name: string): string {
  return `#/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

/** @param servicePort `namespace/name:port/protocol` */
export function servicePortHref(servicePort: string): string {
  const [namespace = '', rest = ''] = servicePort.split('/');
  return serviceHref(namespace, rest.split(':')[0] ?? '');
}

export const NODE_HREF = '#/';

function parse(hash: string): Selected | undefined {
  const [, namespace, name] = /^#\/services\/([^/]+)\/([^/]+)$/.exec(hash) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  try {
    return { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
}
