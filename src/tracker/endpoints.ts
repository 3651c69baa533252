import { familyOf } from '../../rules/address.ts';

import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import { asList, asObject, asString, displayName, isLabel, LABEL_RULE } from './fields.ts';
import { usableHostAddress } from './host-address.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';
import type { Slice, SliceEndpoint } from './slice.ts';
import { readSlicePorts } from './slice.ts';

/**
 * Reads a legacy Endpoints object (v1) as the slices that the EndpointSlice mirroring controller would make of it:
 * one for each subset and family.
 */
export function readEndpointsObject(raw: Json, report: Report): readonly Slice[] {
  const problems = new ObjectProblems('Endpoints', displayName(raw, true), report);
  const metadata = asObject(raw['metadata']) ?? {};
  const { namespace = 'default', name } = metadata;
  for (const [field, value] of Object.entries({ namespace, name })) {
    if (typeof value === 'string' && isLabel(value)) continue;
    problems.add(`metadata.${field}`, LABEL_RULE, value, 'the Endpoints are ignored');
    return [];
  }
  const service = `${String(namespace)}/${String(name)}`;
  const subsets = asList(raw['subsets']);
  if (subsets === undefined) problems.add('subsets', 'a list', raw['subsets'], 'the Endpoints are ignored');
  return (subsets ?? []).flatMap((entry, i) => {
    const subset = asObject(entry) ?? {};
    const endpoints = [
      ...readList(subset['addresses'], `subsets[${i}].addresses`, true, problems),
      ...readList(subset['notReadyAddresses'], `subsets[${i}].notReadyAddresses`, false, problems),
    ];
    const ports = readSlicePorts(subset['ports'], `subsets[${i}].ports`, problems);
    return FAMILIES.map((family): Slice => {
      const own = endpoints.filter(({ address }) => familyOf(address) === family);
      return { key: `${service} subset ${i} ${family}`, service, family, endpoints: own, ports };
    });
  });
}

function readList(value: unknown, field: string, ready: boolean, problems: ObjectProblems): SliceEndpoint[] {
  const list = asList(value);
  if (list === undefined) problems.add(field, 'a list', value, 'it is ignored');
  const found: SliceEndpoint[] = [];
  for (const [i, entry] of (list ?? []).entries()) {
    const address = usableHostAddress(asObject(entry)?.['ip']);
    if (typeof address !== 'string') {
      problems.add(`${field}[${i}].ip`, address.must, asObject(entry)?.['ip'], 'the endpoint is ignored');
      continue;
    }
    const nodeName = asString(asObject(entry)?.['nodeName']);
    found.push({
      address,
      ready,
      serving: ready,
      terminating: false,
      nodeName,
      zoneHints: [],
      nodeHints: [],
    });
  }
  return found;
}
