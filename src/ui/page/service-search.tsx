import { useEffect, useRef, useState } from 'preact/hooks';
import type { NodeState, ServiceList, ServiceSummary } from '../state.ts';
import { useAnswer } from './answer.ts';
import { fetchServices } from './api.ts';
import { counted, number } from './format.ts';
import { serviceHref } from './route.ts';

const LENGTH = 100;
const LENGTH_MAX = 1000;
/** ms without a key before it is looked for. */
const TYPING_MS = 120;
/** ms between two looks at what has changed. */
const REFRESH_MS = 1500;

interface ServiceSearchProps {
  readonly state: NodeState | undefined;
  /** `namespace/name`, or empty. */
  readonly selected: string;
}

/** The Services, found by what is typed. */
export function ServiceSearch({ state, selected }: ServiceSearchProps) {
  const [search, setSearch] = useState('');
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const [limit, setLimit] = useState(LENGTH);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const { answer: found, problem } = useAnswer({
    ask: (signal) => fetchServices({ search, onlyTrouble, limit }, signal),
    key: JSON.stringify([search, onlyTrouble, limit]),
    change: changeOf(state),
    delay: TYPING_MS,
    period: REFRESH_MS,
  });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target === input.current) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const onArrow = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = [...(list.current?.querySelectorAll('a') ?? [])];
    const next = links.findIndex((link) => link.matches(':focus')) + step;
    event.preventDefault();
    if (next < 0) input.current?.focus();
    else links[next]?.focus();
  };
  const onEnter = (event: Event) => {
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

interface EntryProps {
  readonly service: ServiceSummary;
  readonly selected: string;
}

function Entry({ service, selected }: EntryProps) {
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
        <span class="small">
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

function foundText({ services, found: { total, items } }: ServiceList): string {
  if (services === 0) return 'No Service is programmed yet.';
  if (total === 0) return `None of ${counted(services, 'Service')}.`;
  const of =
    total === services ? counted(services, 'Service') : `${number(total)} of ${counted(services, 'Service')}`;
  return items.length < total ? `${of}, the first ${number(items.length)} shown` : of;
}

/** Changes when Services may have. */
function changeOf(state: NodeState | undefined): string {
  return state ? `${state.started} ${state.syncs.at(-1)?.id ?? 0} ${state.services}` : '';
}
