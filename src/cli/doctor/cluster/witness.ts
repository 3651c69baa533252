import type { Kind } from '../../../cluster/source.ts';
import { asObject, asString } from '../../../tracker/fields.ts';
import type { Problem } from '../../../tracker/problem.ts';
import { Tracker } from '../../../tracker/tracker.ts';
import { type ServiceView, type SliceView, viewService, viewSlice } from './views.ts';

/** A tracker that also remembers what checks want of objects and rules do not. */
export class Witness extends Tracker {
  /** By `namespace/name`. */
  readonly services = new Map<string, ServiceView>();
  /** By `namespace/name` of the Service. */
  readonly slices = new Map<string, SliceView[]>();
  readonly nodeNames = new Set<string>();
  /** What is malformed. */
  readonly problems: readonly Problem[];

  constructor(nodeName: string) {
    const problems: Problem[] = [];
    super({ nodeName, report: (problem) => void problems.push(problem) });
    this.problems = problems;
  }

  override upsert(kind: Kind | 'Endpoints', object: unknown): void {
    super.upsert(kind, object);
    const raw = asObject(object);
    if (raw === undefined) return;
    if (kind === 'Service') {
      const view = viewService(raw);
      if (view) this.services.set(`${view.namespace}/${view.name}`, view);
    } else if (kind === 'EndpointSlice') {
      const view = viewSlice(raw);
      if (view) this.#setSlice(view);
    } else if (kind === 'Node') {
      const name = asString(asObject(raw['metadata'])?.['name']);
      if (name !== undefined) this.nodeNames.add(name);
    }
  }

  #setSlice(view: SliceView): void {
    const others = (this.slices.get(view.service) ?? []).filter(({ name }) => name !== view.name);
    this.slices.set(view.service, [...others, view]);
  }
}
