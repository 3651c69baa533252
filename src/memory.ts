import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives memory back to the system after work that needed much of it for a moment: reading a whole cluster, or a
 * dump of all rules. V8 alone would keep the heap at its largest, on every node, for as long as nothing happens.
 */
export function releaseMemory(): void {
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Collects what syncs have left behind, once in SYNCS_BETWEEN syncs: 30 ms at 5,000 Services. V8 alone lets a heap of
 * 35 MB grow by as much again before it looks, and then keeps the pages (107 MB of memory become 166 in half an hour).
 * Every fourth time, for 100 ms, pages are given back as well: those with little left in them add up (to 126 MB in an
 * hour).
 * @returns what is to be called after each sync
 */
export function tidyMemory(): () => void {
  let syncs = 0;
  return () => {
    syncs++;
    if (syncs % SYNCS_BETWEEN_RELEASES === 0) setTimeout(releaseMemory, 50).unref();
    else if (syncs % SYNCS_BETWEEN === 0) {
      setTimeout(collect, 50, { type: 'major', execution: 'sync' }).unref();
    }
  };
}

const SYNCS_BETWEEN = 500;
const SYNCS_BETWEEN_RELEASES = 4 * SYNCS_BETWEEN;

/** Only while it is looked up is `gc` something that scripts can have. */
function collect(how: object): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc(how);
}
