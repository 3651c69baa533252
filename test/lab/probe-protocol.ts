/** What a test asks of a probe, one JSON object a line on its stdin. The reply with the same id has the answers. */
export type ProbeCommand =
  | ({ readonly id: number; readonly op: 'request' } & Required<RequestOptions> & { readonly target: Target })
  /** Opens a connection, keeps it under a name, and asks once through it. */
  | {
      readonly id: number;
      readonly op: 'open';
      readonly connection: string;
      readonly target: Target;
      readonly timeoutMs: number;
    }
  /** Asks once more through a connection that is open. */
  | { readonly id: number; readonly op: 'ask'; readonly connection: string; readonly timeoutMs: number };

export interface Target {
  /** Pods speak HTTP over TCP. */
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** The source address; the kernel's choice when left out. */
  readonly from?: string;
}

export interface RequestOptions {
  /** How many, each on a new connection or socket. @default 1 */
  readonly count?: number;
  /** How many at the same time. @default 1 */
  readonly parallel?: number;
  /** How long each may take. @default 5000 */
  readonly timeoutMs?: number;
  /** Pause after each, for traffic that goes on for a while. @default 0 */
  readonly pauseMs?: number;
}

export type Failure = 'refused' | 'timeout' | 'reset' | 'unreachable';

/** `client`: the source address that the Pod saw. */
export type Answer =
  | { readonly pod: string; readonly client: string; readonly ms: number }
  /** Other errors appear by their system code (`EADDRNOTAVAIL`). */
  | { readonly error: Failure | (string & {}); readonly ms: number };

export interface ProbeReply {
  readonly id: number;
  readonly answers: readonly Answer[];
}
