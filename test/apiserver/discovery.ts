import type { JsonObject } from './json.ts';
import { apiVersionOf, RESOURCES, type Resource } from './resources.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The document that a discovery path answers with, or undefined where the path is no such one. */
export function discovery(path: string): JsonObject | undefined {
  const [root, group, version, ...more] = path.replace(/\/$/, '').split('/').slice(1);
  if (more.length > 0) return undefined;
  if (root === 'api' && version === undefined) return group === undefined ? versions() : resources('', group);
  if (root !== 'apis') return undefined;
  if (group === undefined)
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups().map(groupEntry) };
  if (!groups().includes(group)) return undefined;
  return version === undefined
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) }
    : resources(group, version);
}

/** What `/` answers with. */
export function paths(): JsonObject {
  const versioned = groups().flatMap((group) => [`/apis/${group}`, `/apis/${group}/v1`]);
  return { paths: ['/api', '/api/v1', '/apis', ...versioned, '/healthz', '/livez', '/readyz', '/version'] };
}

/** What `/version` answers with, as kube-apiserver 1.36.2 built from source does. */
export function version(): JsonObject {
  return {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion: 'v1.36.2',
    gitCommit: '',
    gitTreeState: '',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'go1.26.10',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

function versions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

function groups(): string[] {
  return [...new Set(RESOURCES.map((resource) => resource.group))].filter((group) => group !== '');
}

function groupEntry(group: string): JsonObject {
  const preferred = { groupVersion: `${group}/v1`, version: 'v1' };
  return { name: group, versions: [preferred], preferredVersion: preferred };
}

function resources(group: string, version: string): JsonObject | undefined {
  const served = RESOURCES.filter((resource) => resource.group === group && resource.version === version);
  const [first] = served;
  if (first === undefined) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf(first),
    resources: served.map(resourceEntry),
  };
}

function resourceEntry(resource: Resource): JsonObject {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: VERBS,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.storageVersionHash === undefined ? {} : { storageVersionHash: resource.storageVersionHash }),
  };
}
