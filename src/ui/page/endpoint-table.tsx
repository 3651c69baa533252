import { useState } from 'preact/hooks';
import type { Policy, ServicePortDetails } from '../state.ts';
import { percent } from './format.ts';
import { Scrollable } from './scrollable.tsx';

const SHOWN = 50;

interface EndpointTableProps {
  readonly servicePort: ServicePortDetails;
}

export function EndpointTable({ servicePort: { endpoints, ways } }: EndpointTableProps) {
  const [length, setLength] = useState(SHOWN);
  if (endpoints.length === 0) return <p class="muted">It has none: connections are rejected.</p>;
  const hinted = endpoints.some(({ zoneHints, nodeHints }) => zoneHints.length + nodeHints.length > 0);
  const shares = sharesOf(ways);
  return (
    <>
      <Scrollable class="scroll" label="Table of endpoints">
        {() => (
          <table>
            <thead>
              <tr>
                <th scope="col">Address</th>
                <th scope="col">State</th>
                <th scope="col">Node</th>
                {hinted && <th scope="col">Hints</th>}
                <th scope="col">Share of connections</th>
              </tr>
            </thead>
            <tbody>
              {endpoints
                .slice(0, length)
                .map(({ endpoint, state, local, nodeName, zoneHints, nodeHints }) => (
                  <tr key={endpoint}>
                    <td>
                      <code>{endpoint}</code>
                    </td>
                    <td>
                      <span class={`state ${state.replace(' ', '-')}`}>{state}</span>
                    </td>
                    <td>
                      {nodeName ?? '–'}
                      {local && <span class="badge here">this node</span>}
                    </td>
                    {hinted && (
                      <td>{[...nodeHints, ...zoneHints.map((zone) => `zone ${zone}`)].join(', ')}</td>
                    )}
                    <td>{shares.get(endpoint) ?? <span class="muted">none</span>}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        )}
      </Scrollable>
      {endpoints.length > length && (
        <button type="button" class="more" onClick={() => setLength(endpoints.length)}>
          Show all {endpoints.length}
        </button>
      )}
    </>
  );
}

/**
 * By endpoint: `33 %` or `by scheduler lc`, and by policy where that makes a difference: `50 % Cluster, 100 % Local`.
 */
function sharesOf(ways: ServicePortDetails['ways']): ReadonlyMap<string, string> {
  const found = new Map<string, Map<Policy, string>>();
  const policies = new Set<Policy>();
  for (const { policy, scheduler, endpoints } of ways.flatMap(({ flows }) => flows)) {
    policies.add(policy);
    for (const { endpoint, share } of endpoints) {
      const text = share === undefined ? `by scheduler ${scheduler}` : percent(share);
      found.set(endpoint, (found.get(endpoint) ?? new Map<Policy, string>()).set(policy, text));
    }
  }
  return new Map(
    [...found].map(([endpoint, shares]) => {
      const texts = [...shares].map(([policy, text]) => (policies.size === 1 ? text : `${text} ${policy}`));
      return [endpoint, texts.join(', ')];
    }),
  );
}
