import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Observer } from './observer.ts';
import type { Timing } from './timing.ts';

/** What lists and watches of all kinds share. */
export interface Conversation {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly timing: Timing;
}
