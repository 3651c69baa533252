import {
  asInteger,
  asObject,
  asString,
  given,
  type Json,
  labelsOf,
  objects,
} from '../../../tracker/fields.ts';

/** What checks want of a Pod. */
export interface PodView {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Json;
  readonly ready: boolean;
  /** Why it is not ready, in words; empty where it is. */
  readonly trouble: string;
  /** What says more about that trouble. */
  readonly command: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export function viewPod(raw: Json): PodView | undefined {
  const metadata = asObject(raw['metadata']) ?? {};
  const name = asString(metadata['name']);
  if (name === undefined) return undefined;
  const namespace = asString(metadata['namespace']) ?? 'default';
  const status = asObject(raw['status']) ?? {};
  const containers = objects(asObject(raw['spec'])?.['containers']);
  const ready = condition(status, 'Ready')?.['status'] === 'True';
  const trouble = ready ? '' : troubleOf(raw, status);
  const where = `-n ${namespace} ${name}`;
  return {
    name,
    namespace,
    labels: labelsOf(raw),
    ready,
    trouble,
    command: /CrashLoopBackOff|has ended/.test(trouble)
      ? `kubectl logs ${where} --previous`
      : `kubectl describe pod ${where}`,
    ports: containers.flatMap((container) =>
      objects(container['ports']).map((port) => ({
        name: asString(port['name']) ?? '',
        protocol: asString(given(port['protocol'])) ?? 'TCP',
        port: asInteger(port['containerPort'], 1, 65_535) ?? 0,
      })),
    ),
  };
}

function troubleOf(raw: Json, status: Json): string {
  if (given(asObject(raw['metadata'])?.['deletionTimestamp']) !== undefined) return 'it is being deleted';
  const scheduled = condition(status, 'PodScheduled');
  if (scheduled?.['status'] === 'False') return `not scheduled: ${said(scheduled)}`;
  for (const container of objects(status['initContainerStatuses'])) {
    const state = asObject(container['state']) ?? {};
    if (asObject(state['terminated'])?.['exitCode'] === 0 || container['ready'] === true) continue;
    return `init container ${asString(container['name'])} ${stateText(container, 'is still at work')}`;
  }
  for (const container of objects(status['containerStatuses'])) {
    if (container['ready'] !== true)
      return `container ${asString(container['name'])} ${stateText(container, 'runs, but its readiness probe does not succeed')}`;
  }
  const gates = objects(asObject(raw['spec'])?.['readinessGates']).map((gate) => gate['conditionType']);
  const closed = gates.find((gate) => condition(status, String(gate))?.['status'] !== 'True');
  if (closed !== undefined) return `its readiness gate ${String(closed)} is not True`;
  const unready = condition(status, 'Ready');
  if (unready) return `not ready: ${said(unready)}`;
  return `its phase is ${asString(status['phase']) ?? 'unknown'}`;
}

/** @param running what it means that it runs */
function stateText(container: Json, running: string): string {
  const state = asObject(container['state']) ?? {};
  const waiting = asObject(state['waiting']);
  const terminated = asObject(state['terminated']);
  const restarts = asInteger(container['restartCount'], 1, Number.MAX_SAFE_INTEGER) ?? 0;
  const again = restarts > 0 ? `, ${restarts} restarts` : '';
  if (waiting) return `waits: ${said(waiting)}${again}`;
  if (terminated)
    return `has ended: ${said(terminated)} (exit code ${String(terminated['exitCode'])})${again}`;
  if (asObject(state['running'])) return `${running}${again}`;
  return 'has not started';
}

/** The reason and the beginning of the message, in one line. */
function said(entry: Json): string {
  const message = asString(entry['message'])?.replaceAll(/\s+/g, ' ').trim() ?? '';
  const short = message.length > 120 ? `${message.slice(0, 117)}...` : message;
  const words = [asString(entry['reason']) ?? '', short].filter((text) => text !== '');
  return words.length === 0 ? 'no reason given' : words.join(': ');
}

function condition(status: Json, type: string): Json | undefined {
  return objects(status['conditions']).find((entry) => entry['type'] === type);
}
