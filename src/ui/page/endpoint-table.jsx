import { useState } from 'preact/hooks';
import { percent } from './format.js';
import { Scrollable } from './scrollable.jsx';

/** @import { ServicePortDetails } from '../state.ts' */

const SHOWN = 50;

/** @param {{ servicePort: ServicePortDetails }} props */
export function EndpointTable({ servicePort: { endpoints, ways } }) {
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
 * By endpoint: `33 %`, or by policy where that makes a difference: `50 % Cluster, 100 % Local`.
 * @param {ServicePortDetails['ways']} ways
 */
function sharesOf(ways) {
  /** @type {Map<string, Map<string, number>>} */
  const found = new Map();
  const policies = new Set();
  for (const { policy, endpoints } of ways.flatMap(({ flows }) => flows)) {
    policies.add(policy);
    for (const { endpoint, share } of endpoints) {
      found.set(endpoint, (found.get(endpoint) ?? new Map()).set(policy, share));
    }
  }
  return new Map(
    [...found].map(([endpoint, shares]) => {
      const texts = [...shares].map(([policy, share]) =>
        policies.size === 1 ? percent(share) : `${percent(share)} ${policy}`,
      );
      return [endpoint, texts.join(', ')];
    }),
  );
}
