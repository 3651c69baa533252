import { span } from './format.ts';
import type { Live } from './live.ts';
import { NODE_HREF } from './route.ts';

const STATUS = {
  connecting: 'connecting',
  live: 'live',
  interrupted: 'no connection: trying again',
};

interface HeaderProps {
  readonly live: Live;
  readonly now: number;
}

export function Header({ live: { state, status }, now }: HeaderProps) {
  return (
    <header class="top">
      <h1>
        <a href={NODE_HREF}>
          <span class="product">Fairlead</span> {state?.nodeName ?? ''}
        </a>
      </h1>
      {state && (
        <p class="facts">
          {[
            `${state.mode} mode`,
            state.zone && `zone ${state.zone}`,
            `version ${state.version}`,
            `up ${span(now - state.started)}`,
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
      )}
      <p class={`status ${status}`} role="status">
        {STATUS[status]}
      </p>
    </header>
  );
}
