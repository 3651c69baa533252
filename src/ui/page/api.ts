import type { NodeState, ServiceDetails, ServiceList, SyncDetails } from '../state.ts';

export function fetchState(withSyncs: boolean): Promise<NodeState> {
  return fetchJson(`/debug/state${withSyncs ? '' : '?syncs=0'}`);
}

export interface ServiceQuery {
  readonly search: string;
  readonly onlyTrouble: boolean;
  readonly limit: number;
}

export function fetchServices(
  { search, onlyTrouble, limit }: ServiceQuery,
  signal: AbortSignal,
): Promise<ServiceList> {
  const query = new URLSearchParams({
    search,
    limit: String(limit),
    ...(onlyTrouble && { only: 'trouble' }),
  });
  return fetchJson(`/debug/services?${query}`, signal);
}

export function fetchService(namespace: string, name: string, signal: AbortSignal): Promise<ServiceDetails> {
  return fetchJson(`/debug/service?${new URLSearchParams({ namespace, name })}`, signal);
}

/** @returns undefined: no longer remembered */
export async function fetchSync(id: number, signal: AbortSignal): Promise<SyncDetails | undefined> {
  const response = await fetch(`/debug/sync?id=${id}`, { signal });
  return response.status === 404 ? undefined : read(response);
}

async function fetchJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return read(await fetch(path, signal ? { signal } : {}));
}

async function read<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error((await response.text()).trim() || `status ${response.status}`);
  return response.json();
}
