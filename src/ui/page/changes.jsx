import { useState } from 'preact/hooks';
import { useAnswer } from './answer.js';
import { fetchSync } from './api.js';
import { clockTime, counted, duration, familyName, span } from './format.js';
import { servicePortHref } from './route.js';
import { Scrollable } from './scrollable.jsx';

/** @import { ObjectChange, SyncDetails, SyncRecord } from '../state.ts' */

const SHOWN = 25;
const NAMED = 3;

/**
 * Syncs, newest first, each with what it wrote on demand.
 * @param {{ syncs: readonly SyncRecord[], now: number, empty: string }} props
 */
export function Changes({ syncs, now, empty }) {
  const [length, setLength] = useState(SHOWN);
  const [open, setOpen] = useState(/** @type {ReadonlySet<number>} */ (new Set()));
  const toggle = (/** @type {number} */ id) => {
    setOpen(
      (before) => new Set(before.has(id) ? [...before].filter((each) => each !== id) : [...before, id]),
    );
  };
  if (syncs.length === 0) return <p class="muted">{empty}</p>;
  return (
    <>
      <Scrollable class="scroll" label="Table of changes">
        {() => (
          <table class="changes">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Family</th>
                <th scope="col">What</th>
                <th scope="col" class="number">
                  Lines
                </th>
                <th scope="col" class="number">
                  Took
                </th>
                <th scope="col">
                  <span class="visually-hidden">Details</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {syncs.slice(0, length).map((sync) => (
                <Change key={sync.id} sync={sync} now={now} isOpen={open.has(sync.id)} toggle={toggle} />
              ))}
            </tbody>
          </table>
        )}
      </Scrollable>
      {syncs.length > length && (
        <button type="button" class="more" onClick={() => setLength(length + 4 * SHOWN)}>
          Show more
        </button>
      )}
    </>
  );
}

/** @param {{ sync: SyncRecord, now: number, isOpen: boolean, toggle: (id: number) => void }} props */
function Change({ sync, now, isOpen, toggle }) {
  const { id, at, family, lines, duration: took } = sync;
  return (
    <>
      <tr class={sync.failure ? 'failed' : ''}>
        <td title={clockTime(at)}>{span(now - at)} ago</td>
        <td>{familyName(family)}</td>
        <td class="what">
          <What sync={sync} />
        </td>
        <td class="number">{lines}</td>
        <td class="number">{duration(took)}</td>
        <td>
          {lines > 0 && (
            <button type="button" class="disclose" aria-expanded={isOpen} onClick={() => toggle(id)}>
              {isOpen ? 'Hide' : 'Show'}
              <span class="visually-hidden"> what sync {id} wrote</span>
            </button>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr class="details">
          <td colSpan={6}>
            <Written id={id} />
          </td>
        </tr>
      )}
    </>
  );
}

/** @param {{ sync: SyncRecord }} props */
function What({ sync: { full, servicePorts, failure, repaired, adopted } }) {
  if (failure) {
    return (
      <>
        <span class="badge bad">failed</span> {failure.message}
      </>
    );
  }
  return (
    <>
      {repaired > 0 && <span class="badge warn">drift repaired</span>}{' '}
      {full &&
        `Compared with the kernel${adopted === undefined ? '' : `, which had ${counted(adopted, 'object')}`}. `}
      {full && servicePorts.total > NAMED
        ? counted(servicePorts.total, 'ServicePort')
        : servicePorts.items.slice(0, NAMED).map((key, i) => (
            <span key={key}>
              {i > 0 && ', '}
              <a href={servicePortHref(key)}>{key}</a>
            </span>
          ))}
      {!full && servicePorts.total > NAMED && ` and ${servicePorts.total - NAMED} more`}
    </>
  );
}

/** @param {{ id: number }} props */
function Written({ id }) {
  const { answer, problem, key } = useAnswer({
    ask: (signal) => fetchSync(id, signal),
    key: String(id),
    change: '',
    delay: 0,
    period: 0,
  });
  if (problem) return <p class="muted">{problem}</p>;
  if (key === '') return <p class="muted">Loading…</p>;
  if (!answer) return <p class="muted">It is no longer remembered.</p>;
  return <Details details={answer} />;
}

/** @param {{ details: SyncDetails }} props */
function Details({ details: { changes, payload } }) {
  const groups = Map.groupBy(changes.items, ({ servicePort }) => servicePort ?? '');
  return (
    <>
      {[...groups].map(([servicePort, objects]) => (
        <div key={servicePort} class="written">
          <h4>
            {servicePort === '' || servicePort === '(base)' ? (
              'Shared, or of no ServicePort any more'
            ) : (
              <a href={servicePortHref(servicePort)}>{servicePort}</a>
            )}
          </h4>
          <ul>{objects.map(changeLine)}</ul>
        </div>
      ))}
      {changes.total > changes.items.length && (
        <p class="muted">and {counted(changes.total - changes.items.length, 'more object')}</p>
      )}
      {payload === undefined ? (
        <p class="muted small">The payload is too long, or too long ago, to be remembered.</p>
      ) : (
        <details>
          <summary>Payload, as it was given to the tool</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it */}
          <pre tabIndex={0}>{payload}</pre>
        </details>
      )}
    </>
  );
}

/** @param {ObjectChange} change */
function changeLine({ change, object }) {
  return (
    <li key={`${change} ${object}`} class={change}>
      <span aria-hidden="true">{change === 'written' ? '+' : '−'}</span>
      <span class="visually-hidden">{change} </span> <code>{object}</code>
    </li>
  );
}
