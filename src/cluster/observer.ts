import type { Kind } from './source.ts';

/** A logger in pino's manner. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/**
 * Why everything of a kind was listed:
 * - `start`: nothing was known yet
 * - `expired`: the server had forgotten the version to go on from (410)
 * - `absence`: contact was lost for so long that the version may mean something else by now
 * - `history`: the server's versions are older than ours: it was restored or replaced
 */
export type RelistReason = 'start' | 'expired' | 'absence' | 'history';

export interface RequestRecord {
  readonly verb: string;
  /** The HTTP status, or `<error>` where no answer came: what client-go's metrics call it. */
  readonly code: string;
  /** `host:port` of the API server. */
  readonly host: string;
  /** From the request to the answer's first byte. */
  readonly ms: number;
}

/** Watches the conversation with the API server without taking part in it: for metrics. */
export interface Observer {
  /** A request was answered (the body may still be coming), or failed. */
  requestDone(request: RequestRecord): void;
  /** The server's word on this kind was heard at this time (ms since the epoch): the data is as fresh as that. */
  contact(kind: Kind, at: number): void;
  /** A complete list of this kind was passed on. */
  listed(kind: Kind, reason: RelistReason): void;
}

export const noObserver: Observer = {
  requestDone: () => {},
  contact: () => {},
  listed: () => {},
};
