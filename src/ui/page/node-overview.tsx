import type { FamilyState, NodeState, SyncRecord } from '../state.ts';
import { Changes } from './changes.tsx';
import { counted, duration, familyName, number, quantile, span } from './format.ts';
import { LatencyPlot } from './latency-plot.tsx';
import { TroubleList } from './trouble-list.tsx';

interface NodeOverviewProps {
  readonly state: NodeState;
  /** By the node's clock. */
  readonly now: number;
}

export function NodeOverview({ state, now }: NodeOverviewProps) {
  return (
    <>
      <h2 class="visually-hidden">This node</h2>
      <TroubleList families={state.families} now={now} />
      <section aria-labelledby="programmed">
        <h3 id="programmed">Programmed</h3>
        {state.families.length === 0 && <p class="muted">Nothing yet: the first sync is still to come.</p>}
        <div class="families">
          {state.families.map((family) => (
            <Family key={family.family} family={family} syncs={state.syncs} now={now} />
          ))}
        </div>
      </section>
      <LatencyPlot syncs={state.syncs} families={state.families} now={now} />
      <section aria-labelledby="changes">
        <h3 id="changes">Recent changes</h3>
        <Changes syncs={state.syncs.toReversed()} now={now} empty="Nothing has changed since the start." />
      </section>
    </>
  );
}

interface FamilyProps {
  readonly family: FamilyState;
  readonly syncs: readonly SyncRecord[];
  readonly now: number;
}

function Family({ family, syncs, now }: FamilyProps) {
  const own = syncs.filter((sync) => sync.family === family.family && !sync.full && !sync.failure);
  const durations = own.map((sync) => sync.duration);
  return (
    <dl class="figures" aria-label={familyName(family.family)}>
      <div class="wide">
        <dt>{familyName(family.family)}</dt>
        <dd>
          {number(family.servicePorts)} <span class="unit">ServicePorts</span>
        </dd>
      </div>
      <Figure name="Endpoints" value={number(family.endpoints)} />
      <Figure name="Objects in the kernel" value={number(family.objects)} />
      <Figure
        name="A change takes"
        value={durations.length === 0 ? '–' : duration(quantile(durations, 0.5))}
        more={durations.length === 0 ? '' : `99 %: ${duration(quantile(durations, 0.99))}`}
      />
      <Figure
        name="Last sync"
        value={family.lastSync === undefined ? 'none yet' : `${span(now - family.lastSync)} ago`}
        more={`${counted(family.syncs, 'sync')}, ${family.failures} failed`}
      />
      <Figure
        name="Drift repaired"
        value={family.repaired === 0 ? 'none' : counted(family.repaired, 'line')}
        more={family.lastRepair === undefined ? '' : `last ${span(now - family.lastRepair)} ago`}
      />
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly more?: string;
}

function Figure({ name, value, more = '' }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {more && <span class="small muted"> {more}</span>}
      </dd>
    </div>
  );
}
