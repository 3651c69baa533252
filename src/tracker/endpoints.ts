import { familyOf } from '../../rules/address.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import { asObject, displayName, LABEL, readIdentity, uidOf } from './fields.ts';
import { usableHostAddress } from './host-address.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';
import type { Slice, SliceEndpoint } from './slice.ts';
import { readNodeName, readSlicePorts } from './slice.ts';

/**
 * Reads a legacy Endpoints object (v1) as the slices that the EndpointSlice mirroring controller would make of it:
 * one for each subset and family.
 */
export function readEndpointsObject(raw: Json, report: Report): readonly Slice[] {
  const problems = new ObjectProblems('Endpoints', displayName(raw, true), uidOf(raw), report);
  const cost = 'the Endpoints are ignored';
  const identity = readIdentity(raw, LABEL, problems, cost);
  if (!identity) return [];
  const service = `${identity.namespace}/${identity.name}`;
  return problems.list(raw['subsets'], 'subsets', cost).flatMap((entry, i) => {
    const field = `subsets[${i}]`;
    const subset = problems.object(entry, field, 'the subset is ignored');
    const endpoints = [
      ...readList(subset['addresses'], `${field}.addresses`, true, problems),
      ...readList(subset['notReadyAddresses'], `${field}.notReadyAddresses`, false, problems),
    ];
    const ports = readSlicePorts(subset['ports'], `${field}.ports`, problems);
    return FAMILIES.map((family): Slice => {
      const own = endpoints.filter(({ address }) => familyOf(address) === family);
      return { key: `${service} subset ${i} ${family}`, service, family, endpoints: own, ports };
    });
  });
}

function readList(value: unknown, field: string, ready: boolean, problems: ObjectProblems): SliceEndpoint[] {
  const found: SliceEndpoint[] = [];
  for (const [i, entry] of problems.list(value, field, 'it is ignored').entries()) {
    const endpoint = asObject(entry);
    const address = usableHostAddress(endpoint?.['ip']);
    if (!endpoint) {
      problems.add(`${field}[${i}]`, 'an object', entry, 'the endpoint is ignored');
    } else if (typeof address !== 'string') {
      problems.add(`${field}[${i}].ip`, address.must, endpoint['ip'], 'the endpoint is ignored');
    } else {
      found.push({
        address,
        ready,
        serving: ready,
        terminating: false,
        nodeName: readNodeName(endpoint['nodeName'], `${field}[${i}].nodeName`, problems),
        zoneHints: [],
        nodeHints: [],
      });
    }
  }
  return found;
}
