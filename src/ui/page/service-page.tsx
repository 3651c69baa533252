import { useState } from 'preact/hooks';
import type { Cut, NodeState, ServicePortDetails } from '../state.ts';
import { useAnswer } from './answer.ts';
import { fetchService } from './api.ts';
import { Changes } from './changes.tsx';
import { EndpointTable } from './endpoint-table.tsx';
import { familyName } from './format.ts';
import { PathPicture } from './path-picture.tsx';
import { flowSentence } from './path-words.ts';
import { TroubleList } from './trouble-list.tsx';

/** ms between two looks at what has changed. */
const REFRESH_MS = 500;

interface ServicePageProps {
  readonly namespace: string;
  readonly name: string;
  readonly state: NodeState;
  readonly now: number;
}

export function ServicePage({ namespace, name, state, now }: ServicePageProps) {
  const { answer, problem, key } = useAnswer({
    ask: (signal) => fetchService(namespace, name, signal),
    key: `${namespace}/${name}`,
    change: changeOf(state),
    delay: 0,
    period: REFRESH_MS,
  });
  const [chosen, setChosen] = useState('');
  if (key === '') return <p class="muted">Loading…</p>;
  return (
    <>
      <h2>
        {name} <span class="muted">{namespace}</span>
      </h2>
      {problem && <p class="muted">{problem}</p>}
      {answer?.servicePorts.length === 0 && (
        <p>No such Service is programmed on this node. It may be gone, headless, or an ExternalName.</p>
      )}
      {answer && <Ports servicePorts={answer.servicePorts} chosen={chosen} choose={setChosen} now={now} />}
      {answer && (
        <section aria-labelledby="changes">
          <h3 id="changes">Recent changes</h3>
          <Changes syncs={answer.syncs} now={now} empty="None of its ServicePorts has changed lately." />
        </section>
      )}
    </>
  );
}

interface PortsProps {
  readonly servicePorts: readonly ServicePortDetails[];
  readonly chosen: string;
  readonly choose: (id: string) => void;
  readonly now: number;
}

function Ports({ servicePorts, chosen, choose, now }: PortsProps) {
  const servicePort = servicePorts.find((each) => idOf(each) === chosen) ?? servicePorts[0];
  if (!servicePort) return null;
  return (
    <>
      {servicePorts.length > 1 && (
        <fieldset class="choice ports">
          <legend class="visually-hidden">Port</legend>
          {servicePorts.map((each) => (
            <label key={idOf(each)}>
              <input
                type="radio"
                name="port"
                checked={each === servicePort}
                onChange={() => choose(idOf(each))}
              />
              <span>
                {each.portName && `${each.portName} `}
                {each.port}/{each.protocol} {familyName(each.family)}
              </span>
            </label>
          ))}
        </fieldset>
      )}
      <TroubleList
        families={[
          {
            family: servicePort.family,
            failing: undefined,
            anotherProxy: undefined,
            quarantined: listOf(servicePort.quarantined ? [servicePort.quarantined] : []),
            contested: listOf(servicePort.contested),
          },
        ]}
        now={now}
      />
      <section aria-labelledby="path">
        <h3 id="path">Where packets go</h3>
        <p class="small muted facts">{facts(servicePort)}</p>
        {servicePort.quarantined && <p>This is what is wanted: the kernel has the last good rules.</p>}
        <PathPicture servicePort={servicePort} />
        <details class="words">
          <summary>In words</summary>
          <ul>
            {servicePort.ways.flatMap((way) =>
              way.flows.map((flow) => <li key={`${way.kind} ${flow.from}`}>{flowSentence(way, flow)}</li>),
            )}
            {servicePort.ways.length === 0 && <li>It has no address on this node.</li>}
          </ul>
        </details>
      </section>
      <section aria-labelledby="endpoints">
        <h3 id="endpoints">Endpoints</h3>
        <EndpointTable servicePort={servicePort} />
      </section>
    </>
  );
}

function listOf<T>(items: readonly T[]): Cut<T> {
  return { total: items.length, items };
}

function idOf({ key, family }: ServicePortDetails): string {
  return `${key} ${family}`;
}

function facts({
  key,
  internalPolicy,
  externalPolicy,
  affinitySeconds,
  healthCheckNodePort,
  ways,
}: ServicePortDetails): string {
  const isExternal = ways.some(({ kind }) => kind !== 'cluster IP');
  return [
    key,
    `internalTrafficPolicy: ${internalPolicy}`,
    isExternal && `externalTrafficPolicy: ${externalPolicy}`,
    affinitySeconds > 0 && `a client keeps its endpoint for ${affinitySeconds} s`,
    healthCheckNodePort > 0 && `health check node port ${healthCheckNodePort}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Is another when the Service may be. */
function changeOf({ started, syncs, families }: NodeState): string {
  const quarantined = families.map((family) => family.quarantined.total).join(' ');
  return `${started} ${syncs.at(-1)?.id ?? 0} ${quarantined}`;
}
