/** Something that a user of the cluster should be told. */
export interface EventReport {
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word for machines: `RuleRefused`. */
  readonly reason: string;
  /** What was done or tried: `Quarantine`. */
  readonly action: string;
  /** For people. Cut at 1,024 bytes. */
  readonly note: string;
  readonly regarding: Regarding;
}

/** The object that an Event is about. */
export interface Regarding {
  readonly kind: 'Service' | 'EndpointSlice' | 'Node';
  /** Absent for a Node. */
  readonly namespace?: string;
  readonly name: string;
  /** `kubectl describe` shows Events by it. A Node's is its name, as all components have it. */
  readonly uid?: string;
}

/** The part of an Event that tells of its repetitions. */
export interface EventSeries {
  readonly count: number;
  /** With microseconds. */
  readonly lastObservedTime: string;
}

const API_VERSIONS: Readonly<Record<Regarding['kind'], string>> = {
  Service: 'v1',
  EndpointSlice: 'discovery.k8s.io/v1',
  Node: 'v1',
};

// The API server refuses what is longer.
const MAX_NAME = 253;
const MAX_INSTANCE = 128;
const MAX_NOTE_BYTES = 1024;

/**
 * An Event (events.k8s.io/v1) as it is posted.
 * @param at ms since the epoch
 * @param serial tells Events of one object and millisecond apart
 */
export function eventObject(report: EventReport, nodeName: string, at: number, serial: number): object {
  const { type, reason, action, note, regarding } = report;
  const { kind, name, namespace, uid } = regarding;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: eventName(name, at, serial), namespace: namespaceOf(regarding) },
    eventTime: microTime(at),
    reportingController: 'fairlead',
    reportingInstance: `fairlead-${nodeName}`.slice(0, MAX_INSTANCE),
    action,
    reason,
    type,
    note: cutBytes(note, MAX_NOTE_BYTES),
    regarding: {
      apiVersion: API_VERSIONS[kind],
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(kind === 'Node' ? { uid: uid ?? name } : uid === undefined ? {} : { uid }),
    },
  };
}

/** Events about what has no namespace live in this one. */
export function namespaceOf({ namespace }: Regarding): string {
  return namespace ?? 'default';
}

/** RFC 3339 with microseconds, as the API's MicroTime. */
export function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}

/** The object's name and the time in nanoseconds: how all components name Events. */
function eventName(name: string, at: number, serial: number): string {
  const suffix = `.${(BigInt(Math.floor(at)) * 1_000_000n + BigInt(serial % 1_000_000)).toString(16)}`;
  return name.slice(0, MAX_NAME - suffix.length).replace(/[-.]+$/, '') + suffix;
}

function cutBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const ellipsis = '…';
  const room = bytes.subarray(0, limit - Buffer.byteLength(ellipsis));
  return room.toString().replace(/\uFFFD+$/, '') + ellipsis;
}
