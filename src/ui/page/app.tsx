import { useEffect, useRef, useState } from 'preact/hooks';
import { Header } from './header.tsx';
import { useLive } from './live.ts';
import { NodeOverview } from './node-overview.tsx';
import { NODE_HREF, useSelected } from './route.ts';
import { ServicePage } from './service-page.tsx';
import { ServiceSearch } from './service-search.tsx';

export function App() {
  const live = useLive();
  const selected = useSelected();
  const now = useNow(1000) + live.skew;
  const main = useRef<HTMLElement>(null);
  const { state } = live;
  const key = selected ? `${selected.namespace}/${selected.name}` : '';

  useEffect(() => {
    document.title = [key, state?.nodeName, 'Fairlead'].filter(Boolean).join(' · ');
  }, [key, state?.nodeName]);
  const first = useRef(true);
  useEffect(() => {
    // Who follows a link goes on reading where it leads, with a screen reader too.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    main.current?.scrollIntoView?.({ block: 'nearest' });
  }, [key]);

  return (
    <div class={selected ? 'app with-service' : 'app'}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Header live={live} now={now} />
      <ServiceSearch state={state} selected={key} />
      <main id="content" tabIndex={-1} ref={main}>
        {selected && (
          <p class="back">
            <a href={NODE_HREF}>← This node</a>
          </p>
        )}
        {!state && (
          <p class="muted">{live.status === 'interrupted' ? 'The node does not answer.' : 'Loading…'}</p>
        )}
        {state && selected && <ServicePage key={key} {...selected} state={state} now={now} />}
        {state && !selected && <NodeOverview state={state} now={now} />}
      </main>
    </div>
  );
}

/** The time, every so many ms. */
function useNow(period: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), period);
    return () => clearInterval(timer);
  }, [period]);
  return now;
}
