import type { EventReport } from './events/event.ts';
import { LABEL, SUBDOMAIN } from './tracker/fields.ts';
import type { Problem } from './tracker/problem.ts';

/** Tells the owner of a malformed object by an Event on it, where the API server could have such an object. */
export function reportProblem(problem: Problem, event: (report: EventReport) => void): void {
  const { kind, object, uid, message } = problem;
  const [namespace = '', name = ''] = object.split('/');
  if ((kind !== 'Service' && kind !== 'EndpointSlice') || !LABEL.test(namespace) || !SUBDOMAIN.test(name))
    return;
  event({
    type: 'Warning',
    reason: 'InvalidField',
    action: 'Read',
    note: message,
    regarding: { kind, namespace, name, ...(uid !== undefined && { uid }) },
  });
}
