/** @import { NodeState, ServiceDetails, ServiceList, SyncDetails } from '../state.ts' */

/**
 * @param {boolean} withSyncs
 * @returns {Promise<NodeState>}
 */
export function fetchState(withSyncs) {
  return fetchJson(`/debug/state${withSyncs ? '' : '?syncs=0'}`);
}

/**
 * @param {{ search: string, onlyTrouble: boolean, limit: number }} query
 * @param {AbortSignal} signal
 * @returns {Promise<ServiceList>}
 */
export function fetchServices({ search, onlyTrouble, limit }, signal) {
  const query = new URLSearchParams({
    search,
    limit: String(limit),
    ...(onlyTrouble && { only: 'trouble' }),
  });
  return fetchJson(`/debug/services?${query}`, signal);
}

/**
 * @param {string} namespace
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<ServiceDetails>}
 */
export function fetchService(namespace, name, signal) {
  return fetchJson(`/debug/service?${new URLSearchParams({ namespace, name })}`, signal);
}

/**
 * @param {number} id
 * @param {AbortSignal} signal
 * @returns {Promise<SyncDetails | undefined>} undefined: no longer remembered
 */
export async function fetchSync(id, signal) {
  const response = await fetch(`/debug/sync?id=${id}`, { signal });
  return response.status === 404 ? undefined : read(response);
}

/**
 * @template T
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function fetchJson(path, signal) {
  return read(await fetch(path, signal ? { signal } : {}));
}

/**
 * @template T
 * @param {Response} response
 * @returns {Promise<T>}
 */
async function read(response) {
  if (!response.ok) throw new Error((await response.text()).trim() || `status ${response.status}`);
  return response.json();
}
