import type { ComponentChildren } from 'preact';
import type { Cut, FamilyState } from '../state.ts';
import { counted, familyName, span } from './format.ts';
import { servicePortHref } from './route.ts';

/** ms. A rival that has not been seen for so long has gone. */
const RIVAL_MS = 600_000;

/** What may be wrong with one family. */
type FamilyTrouble = Pick<FamilyState, 'family' | 'failing' | 'quarantined' | 'contested' | 'anotherProxy'>;

interface TroubleListProps {
  readonly families: readonly FamilyTrouble[];
  readonly now: number;
}

/** What somebody should look at, if anything. */
export function TroubleList({ families, now }: TroubleListProps) {
  const entries = families.flatMap((family) => troubles(family, now));
  return (
    <>
      {/* Told once: the entries themselves count seconds. */}
      <p role="status" class="visually-hidden">
        {entries.length > 0 && `${counted(entries.length, 'thing needs', 'things need')} attention`}
      </p>
      {entries.length > 0 && (
        <section class="trouble" aria-labelledby="trouble">
          <h3 id="trouble">Needs attention</h3>
          <ul>{entries}</ul>
        </section>
      )}
    </>
  );
}

function troubles(
  { family, failing, quarantined, contested, anotherProxy }: FamilyTrouble,
  now: number,
): ComponentChildren[] {
  const name = familyName(family);
  return [
    failing && (
      <li key={`${family} failing`}>
        <strong>{name}: the last sync failed</strong> ({failing.code}): {failing.message}
      </li>
    ),
    anotherProxy !== undefined && now - anotherProxy < RIVAL_MS && (
      <li key={`${family} rival`}>
        <strong>{name}: another proxy is writing the same rules</strong>, last noticed{' '}
        {span(now - anotherProxy)} ago. Is kube-proxy still running on this node?
      </li>
    ),
    ...quarantined.items.map(({ servicePort, message, line, attempts, retryAt }) => (
      <li key={`${family} ${servicePort}`}>
        <strong>
          {name}: <a href={servicePortHref(servicePort)}>{servicePort}</a> is quarantined
        </strong>
        . Its last good rules stay. {withoutLine(message, line)}
        {line && <code class="block">{line}</code>}
        <span class="small muted">
          {' '}
          {counted(attempts, 'attempt')}, the next {retryAt > now ? `in ${span(retryAt - now)}` : 'is due'}
        </span>
      </li>
    )),
    ...contested.items.map(({ servicePort, winner, what }) => (
      <li key={`${family} ${servicePort} ${what}`}>
        <strong>
          {name}: <a href={servicePortHref(servicePort)}>{servicePort}</a> does not get {what}
        </strong>
        , which <a href={servicePortHref(winner)}>{winner}</a>, the older Service, has.
      </li>
    )),
    rest(quarantined, `${name}: more are quarantined`, `${family} quarantined`),
    rest(contested, `${name}: more are contested`, `${family} contested`),
  ].filter(Boolean);
}

/** What is shown beside it need not be said twice. */
function withoutLine(message: string, line: string | undefined): string {
  return line && message.endsWith(`: ${line}`) ? message.slice(0, -line.length - 2) : message;
}

function rest({ total, items }: Cut<unknown>, text: string, key: string): ComponentChildren {
  return total > items.length && <li key={key}>{`${text}: ${total - items.length}`}</li>;
}
