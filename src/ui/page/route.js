import { useEffect, useState } from 'preact/hooks';

/** @typedef {{ namespace: string, name: string } | undefined} Selected the Service that is looked at */

/** What the address bar says. @returns {Selected} */
export function useSelected() {
  const [selected, setSelected] = useState(parse(location.hash));
  useEffect(() => {
    const onChange = () => setSelected(parse(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return selected;
}

/**
 * @param {string} namespace
 * @param {string} name
 */
export function serviceHref(namespace, name) {
  return `#/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

/**
 * @param {string} servicePort `namespace/name:port/protocol`
 */
export function servicePortHref(servicePort) {
  const [namespace = '', rest = ''] = servicePort.split('/');
  return serviceHref(namespace, rest.split(':')[0] ?? '');
}

export const NODE_HREF = '#/';

/**
 * @param {string} hash
 * @returns {Selected}
 */
function parse(hash) {
  const [, namespace, name] = /^#\/services\/([^/]+)\/([^/]+)$/.exec(hash) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  try {
    return { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
}
