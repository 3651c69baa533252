/** How long the conversation with the API server waits for what. All in ms. */
export interface Timing {
  /** An answer, or a list on its way, may be silent for so long. @default 60 s, the API server's own limit for a request */
  readonly answerMs: number;
  /**
   * A watch may be silent for so long. API servers send a bookmark every minute: after two that did not come, and
   * half a minute of grace, the connection counts as dead. @default 150 s
   */
  readonly silenceMs: number;
  /** The API server is asked to end a watch after a random time between these two. @default 5 and 10 min */
  readonly watchMinMs: number;
  readonly watchMaxMs: number;
  /** The first wait after a failure; each further one is twice as long. @default 0.5 s */
  readonly backoffMinMs: number;
  /** No wait is longer. @default 30 s */
  readonly backoffMaxMs: number;
  /** What the server asks for by Retry-After is granted up to this. @default 2 min */
  readonly retryAfterMaxMs: number;
  /**
   * After so long without contact everything is listed: a cluster that was restored from a backup in the meantime
   * may have passed our version again, and cannot be told from one that went on. @default 5 min
   */
  readonly absenceMs: number;
  /** When to look again for an optional resource that the server refused. @default 10 min */
  readonly optionalRetryMs: number;
}

export const defaultTiming: Timing = {
  answerMs: 60_000,
  silenceMs: 150_000,
  watchMinMs: 300_000,
  watchMaxMs: 600_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  retryAfterMaxMs: 120_000,
  absenceMs: 300_000,
  optionalRetryMs: 600_000,
};
