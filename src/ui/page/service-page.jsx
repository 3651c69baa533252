import { useState } from 'preact/hooks';
import { useAnswer } from './answer.js';
import { fetchService } from './api.js';
import { Changes } from './changes.jsx';
import { EndpointTable } from './endpoint-table.jsx';
import { familyName } from './format.js';
import { PathPicture } from './path-picture.jsx';
import { flowSentence } from './path-words.js';
import { TroubleList } from './trouble-list.jsx';

/** @import { NodeState, ServicePortDetails } from '../state.ts' */

/** ms between two looks at what has changed. */
const REFRESH_MS = 500;

/** @param {{ namespace: string, name: string, state: NodeState, now: number }} props */
export function ServicePage({ namespace, name, state, now }) {
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

/**
 * @param {{
 *   servicePorts: readonly ServicePortDetails[],
 *   chosen: string,
 *   choose: (id: string) => void,
 *   now: number,
 * }} props
 */
function Ports({ servicePorts, chosen, choose, now }) {
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
            ...NO_TROUBLE,
            family: servicePort.family,
            quarantined: listOf(servicePort.quarantined ? [servicePort.quarantined] : []),
            contested: listOf(servicePort.contested),
          },
        ]}
        now={now}
      />
      <section aria-labelledby="path">
        <h3 id="path">Where packets go</h3>
        <p class="small muted facts">{facts(servicePort)}</p>
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

const NO_TROUBLE = {
  servicePorts: 0,
  endpoints: 0,
  objects: 0,
  syncs: 0,
  failures: 0,
  lines: 0,
  repaired: 0,
  lastRepair: undefined,
  lastSync: undefined,
  failing: undefined,
  anotherProxy: undefined,
};

/**
 * @template T
 * @param {readonly T[]} items
 */
function listOf(items) {
  return { total: items.length, items };
}

/** @param {ServicePortDetails} servicePort */
function idOf({ key, family }) {
  return `${key} ${family}`;
}

/** @param {ServicePortDetails} servicePort */
function facts({ key, internalPolicy, externalPolicy, affinitySeconds, healthCheckNodePort, ways }) {
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

/**
 * Is another when the Service may be.
 * @param {NodeState} state
 */
function changeOf({ started, syncs, families }) {
  const quarantined = families.map((family) => family.quarantined.total).join(' ');
  return `${started} ${syncs.at(-1)?.id ?? 0} ${quarantined}`;
}
