import { useEffect, useState } from 'preact/hooks';
import type { NodeState, SyncRecord } from '../state.ts';
import { SYNCS_KEPT } from '../state.ts';
import { fetchState } from './api.ts';

/** What is known of the node, kept up to date. */
export interface Live {
  readonly state: NodeState | undefined;
  readonly status: 'connecting' | 'live' | 'interrupted';
  /** ms by which the node's clock is ahead of ours. */
  readonly skew: number;
}

/** Counts are asked for again so often at most. ms. */
const COUNTS_MS = 1000;
/** ms. */
const RECONNECT_MS = 4000;

/** Follows the node while the page is looked at. */
export function useLive(): Live {
  const [live, setLive] = useState<Live>({ state: undefined, status: 'connecting', skew: 0 });
  useEffect(() => follow((change) => setLive((before) => ({ ...before, ...change(before) }))), []);
  return live;
}

/** @returns ends it */
function follow(update: (change: (before: Live) => Partial<Live>) => void): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let counting: ReturnType<typeof setTimeout> | undefined;
  let lastCount = 0;

  const take = (state: NodeState, withSyncs: boolean) =>
    update((before) => ({
      status: 'live',
      skew: state.now - Date.now(),
      state: withSyncs || !before.state ? state : { ...state, syncs: before.state.syncs },
    }));
  const ask = async (withSyncs: boolean) => {
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
      const record = JSON.parse(data) as SyncRecord;
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

function withSync(state: NodeState, record: SyncRecord): NodeState {
  const last = state.syncs.at(-1);
  // Told of before the state was asked for, which has it.
  if (last && record.id <= last.id) return state;
  return { ...state, syncs: [...state.syncs, record].slice(-SYNCS_KEPT) };
}
