import { useState } from 'preact/hooks';
import type { ObjectChange, SyncDetails, SyncRecord } from '../state.ts';
import { useAnswer } from './answer.ts';
import { fetchSync } from './api.ts';
import { clockTime, counted, duration, familyName, span } from './format.ts';
import { servicePortHref } from './route.ts';
import { Scrollable } from './scrollable.tsx';

const SHOWN = 25;
const NAMED = 3;

interface ChangesProps {
  readonly syncs: readonly SyncRecord[];
  readonly now: number;
  readonly empty: string;
}

/** Syncs, newest first, each with what it wrote on demand. */
export function Changes({ syncs, now, empty }: ChangesProps) {
  const [length, setLength] = useState(SHOWN);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const toggle = (id: number) => {
    setOpen(
      (before) => new Set(before.has(id) ? [...before].filter((each) => each !== id) : [...before, id]),
    );
  };
  if (syncs.length === 0) return <p class="muted">{empty}</p>;
  return (
    <>
      <Scrollable class="scroll" label="Table of changes">
        {() => (
          <table>
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

interface ChangeProps {
  readonly sync: SyncRecord;
  readonly now: number;
  readonly isOpen: boolean;
  readonly toggle: (id: number) => void;
}

function Change({ sync, now, isOpen, toggle }: ChangeProps) {
  const { id, at, family, lines, duration: took } = sync;
  return (
    <>
      <tr>
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

interface WhatProps {
  readonly sync: SyncRecord;
}

function What({ sync: { full, servicePorts, failure, repaired, adopted } }: WhatProps) {
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

interface WrittenProps {
  readonly id: number;
}

function Written({ id }: WrittenProps) {
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

interface DetailsProps {
  readonly details: SyncDetails;
}

function Details({ details: { changes, payload } }: DetailsProps) {
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

function changeLine({ change, object }: ObjectChange) {
  return (
    <li key={`${change} ${object}`} class={change}>
      <span aria-hidden="true">{change === 'written' ? '+' : '−'}</span>
      <span class="visually-hidden">{change} </span> <code>{object}</code>
    </li>
  );
}
