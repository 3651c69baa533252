import { useEffect, useState } from 'preact/hooks';
import { SYNCS_KEPT } from '../state.ts';
import { fetchState } from './api.js';

/** @import { NodeState, SyncRecord } from '../state.ts' */

/**
 * What is known of the node, kept up to date.
 * @typedef {{
 *   state: NodeState | undefined,
 *   status: 'connecting' | 'live' | 'interrupted',
 *   skew: number,
 * }} Live skew: ms by which the node's clock is ahead of ours
 */

/** Counts are asked for again so often at most. ms. */
const COUNTS_MS = 1000;
/** ms. */
const RECONNECT_MS = 4000;

/** Follows the node while the page is looked at. @returns {Live} */
export function useLive() {
  const [live, setLive] = useState(/** @type {Live} */ ({ state: undefined, status: 'connecting', skew: 0 }));
  useEffect(() => follow((change) => setLive((before) => ({ ...before, ...change(before) }))), []);
  return live;
}

/**
 * @param {(change: (before: Live) => Partial<Live>) => void} update
 * @returns {() => void} ends it
 */
function follow(update) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let counting;
  let lastCount = 0;

  const take = (/** @type {NodeState} */ state, /** @type {boolean} */ withSyncs) =>
    update((before) => ({
      status: 'live',
      skew: state.now - Date.now(),
      state: withSyncs || !before.state ? state : { ...state, syncs: before.state.syncs },
    }));
  const ask = async (/** @type {boolean} */ withSyncs) => {
    lastCount = Date.now();
    try {
      take(await fetchState(withSyncs), withSyncs);
    } catch {
      update(() => ({ status: 'interrupted' }));
    }
  };
  const askForCounts = () => {
    if (counting !== undefined) return;
    counting = setTimeout(
      () => {
        counting = undefined;
        void ask(false);
      },
      Math.max(0, lastCount + COUNTS_MS - Date.now()),
    );
  };
  const open = () => {
    close();
    source = new EventSource('/debug/events');
    source.addEventListener('hello', () => void ask(true));
    source.addEventListener('sync', ({ data }) => {
      const record = /** @type {SyncRecord} */ (JSON.parse(data));
      update(({ state }) => (state ? { state: withSync(state, record) } : {}));
      askForCounts();
    });
    source.addEventListener('trouble', askForCounts);
    source.addEventListener('error', () => {
      update(() => ({ status: 'interrupted' }));
      // Browsers come back by themselves, but not after an answer that is no stream.
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RECONNECT_MS);
    });
  };
  const close = () => {
    source?.close();
    clearTimeout(retry);
    clearTimeout(counting);
    counting = undefined;
  };
  const onVisibility = () => {
    if (document.hidden) close();
    else open();
  };
  document.addEventListener('visibilitychange', onVisibility);
  open();
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    close();
  };
}

/**
 * @param {NodeState} state
 * @param {SyncRecord} record
 * @returns {NodeState}
 */
function withSync(state, record) {
  const last = state.syncs.at(-1);
  // Told of before the state was asked for, which has it.
  if (last && record.id <= last.id) return state;
  return { ...state, syncs: [...state.syncs, record].slice(-SYNCS_KEPT) };
}
