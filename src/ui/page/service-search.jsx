import { useEffect, useRef, useState } from 'preact/hooks';
import { useAnswer } from './answer.js';
import { fetchServices } from './api.js';
import { counted, number } from './format.js';
import { serviceHref } from './route.js';

/** @import { NodeState, ServiceList, ServiceSummary } from '../state.ts' */

const LENGTH = 100;
const LENGTH_MAX = 1000;
/** ms without a key before it is looked for. */
const TYPING_MS = 120;
/** ms between two looks at what has changed. */
const REFRESH_MS = 1500;

/**
 * The Services, found by what is typed.
 * @param {{ state: NodeState | undefined, selected: string }} props selected: `namespace/name`, or empty
 */
export function ServiceSearch({ state, selected }) {
  const [search, setSearch] = useState('');
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const [limit, setLimit] = useState(LENGTH);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  const { answer: found, problem } = useAnswer({
    ask: (signal) => fetchServices({ search, onlyTrouble, limit }, signal),
    key: JSON.stringify([search, onlyTrouble, limit]),
    change: changeOf(state),
    delay: TYPING_MS,
    period: REFRESH_MS,
  });

  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target === input.current) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const onArrow = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = [...(list.current?.querySelectorAll('a') ?? [])];
    const next = links.findIndex((link) => link.matches(':focus')) + step;
    event.preventDefault();
    if (next < 0) input.current?.focus();
    else links[next]?.focus();
  };
  const onEnter = (/** @type {Event} */ event) => {
    event.preventDefault();
    list.current?.querySelector('a')?.click();
  };

  return (
    <nav class="services" aria-label="Find a Service" onKeyDown={onArrow}>
      <search>
        <form onSubmit={onEnter}>
          <label for="search">Services</label>
          <input
            id="search"
            ref={input}
            type="search"
            autocomplete="off"
            spellcheck={false}
            placeholder="name, address or port"
            aria-keyshortcuts="/"
            value={search}
            onInput={(event) => {
              setSearch(event.currentTarget.value);
              setLimit(LENGTH);
            }}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={onlyTrouble}
              onChange={(event) => setOnlyTrouble(event.currentTarget.checked)}
            />
            Only those in trouble
          </label>
        </form>
      </search>
      <p class="count muted" role="status">
        {problem ?? (found ? foundText(found) : 'Loading…')}
      </p>
      <ul ref={list}>
        {found?.found.items.map((service) => (
          <Entry key={`${service.namespace}/${service.name}`} service={service} selected={selected} />
        ))}
      </ul>
      {found && found.found.total > found.found.items.length && limit < LENGTH_MAX && (
        <button type="button" class="more" onClick={() => setLimit(LENGTH_MAX)}>
          Show more
        </button>
      )}
    </nav>
  );
}

/** @param {{ service: ServiceSummary, selected: string }} props */
function Entry({ service, selected }) {
  const { namespace, name, clusterIPs, ports, endpoints, trouble } = service;
  const isSelected = selected === `${namespace}/${name}`;
  return (
    <li>
      <a href={serviceHref(namespace, name)} aria-current={isSelected ? 'page' : undefined}>
        <span class="name">
          <strong>{name}</strong> <span class="muted">{namespace}</span>
        </span>
        <span class="muted small">
          {clusterIPs[0] ?? 'no cluster IP'}
          {clusterIPs.length > 1 && ` +${clusterIPs.length - 1}`} · {ports.slice(0, 2).join(', ')}
          {ports.length > 2 && ` +${ports.length - 2}`}
        </span>
        <span class="small endpoints">
          {endpoints.ready === endpoints.total
            ? counted(endpoints.total, 'endpoint')
            : `${endpoints.ready} of ${endpoints.total} endpoints ready`}
          {endpoints.local > 0 && `, ${endpoints.local} here`}
        </span>
        {trouble.map((what) => (
          <span key={what} class={`badge ${what === 'no local endpoints' ? 'warn' : 'bad'}`}>
            {what}
          </span>
        ))}
      </a>
    </li>
  );
}

/** @param {ServiceList} list */
function foundText({ services, found: { total, items } }) {
  if (services === 0) return 'No Service is programmed yet.';
  if (total === 0) return `None of ${counted(services, 'Service')}.`;
  const of =
    total === services ? counted(services, 'Service') : `${number(total)} of ${counted(services, 'Service')}`;
  return items.length < total ? `${of}, the first ${number(items.length)} shown` : of;
}

/**
 * Changes when Services may have.
 * @param {NodeState | undefined} state
 */
function changeOf(state) {
  return state ? `${state.started} ${state.syncs.at(-1)?.id ?? 0} ${state.services}` : '';
}
