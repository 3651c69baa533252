import { FAMILIES, type Family, type ServicePortKey } from '../../rules/model.ts';
import type { Tracker } from '../tracker/tracker.ts';

/** One ServicePort of a Service. */
export interface OwnedKey {
  readonly family: Family;
  readonly key: ServicePortKey;
}

/** The ServicePorts of every Service (`namespace/name`), in no order. */
export function serviceNames(tracker: Tracker): Map<string, OwnedKey[]> {
  const services = new Map<string, OwnedKey[]>();
  for (const family of FAMILIES) {
    for (const key of tracker.servicePortKeys(family)) {
      const name = serviceOf(key);
      const keys = services.get(name);
      if (keys) keys.push({ family, key });
      else services.set(name, [{ family, key }]);
    }
  }
  return services;
}

/** `namespace/name` of a ServicePort. */
export function serviceOf(key: ServicePortKey): string {
  const slash = key.indexOf('/');
  const colon = key.indexOf(':', slash);
  return key.slice(0, colon > 0 ? colon : key.lastIndexOf('/'));
}
