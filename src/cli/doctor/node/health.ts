import type { Mode } from '../../../config/settings.ts';
import { asObject } from '../../../tracker/fields.ts';
import { failed, NotKnown, ok, type Result } from '../check.ts';
import type { HttpAnswer } from '../ports.ts';

/** @param answer undefined: nobody answers at `url` */
export function healthy(url: string, answer: HttpAnswer | undefined, running: boolean): Result {
  if (answer === undefined) {
    if (!running) throw new NotKnown('no proxy runs here');
    return failed(
      `a proxy runs, but ${url} does not answer`,
      'look at its log; --healthz-bind-address says where it listens',
    );
  }
  if (answer.status === 200) return ok(`${url} says 200`);
  const body = parsed(answer.text);
  if (body['nodeEligible'] === false) {
    return failed(
      `${url} says ${answer.status}: the Node is being removed, so load balancers shall leave it out`,
      'kubectl describe node: a deletion timestamp, or the taint ToBeDeletedByClusterAutoscaler',
    );
  }
  const since = typeof body['lastUpdated'] === 'string' ? `, last in order at ${body['lastUpdated']}` : '';
  return failed(
    `${url} says ${answer.status}: rules have waited too long to be written${since}`,
    "look at the proxy's log: a restore fails, or another process holds the lock",
  );
}

/** @param answer of /proxyMode; undefined: nobody answers */
export function sameMode(url: string, answer: HttpAnswer | undefined, mode: Mode): Result {
  if (answer === undefined) throw new NotKnown(`nobody answers at ${url}`);
  if (answer.status !== 200) throw new NotKnown(`${url} says ${answer.status}`);
  const running = answer.text.trim();
  if (running === mode) return ok(`${running}, as asked for`);
  return failed(
    `the proxy runs in ${running} mode, and ${mode} mode was compared with`,
    `fairlead doctor --proxy-mode=${running}, or --config with the proxy's own file`,
  );
}

/** @param answer of /metrics; undefined: nobody answers */
export function noneQuarantined(answer: HttpAnswer | undefined): Result {
  if (answer?.status !== 200) throw new NotKnown('the metrics server does not answer');
  const samples = [...answer.text.matchAll(/^fairlead_quarantined_service_ports(?:\{[^}]*\})? (\S+)$/gm)];
  if (samples.length === 0) throw new NotKnown('the proxy that runs is not Fairlead');
  const sum = samples.reduce((total, [, value]) => total + Number(value), 0);
  if (sum === 0) return ok('no ServicePort is quarantined');
  return failed(
    `the kernel refuses the rules of ${sum} ServicePort${sum === 1 ? '' : 's'}: the last good ones are in use`,
    'kubectl get events -A --field-selector reason=RuleRefused',
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text)) ?? {};
  } catch {
    return {};
  }
}
