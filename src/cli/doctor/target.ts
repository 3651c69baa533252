import { Refused, refusalText, UsageError } from '../../config/usage.ts';
import { isName, LABEL } from '../../tracker/fields.ts';

/** The Service that the doctor is asked about. */
export interface Target {
  readonly namespace: string;
  readonly name: string;
}

/** @throws UsageError */
export function parseTarget(operands: readonly string[]): Target | undefined {
  const [text, second] = operands;
  if (text === undefined) return undefined;
  if (second !== undefined) {
    throw new UsageError(
      `fairlead doctor takes one Service at a time: ${JSON.stringify(second)} is too much`,
    );
  }
  const parts = text.split('/');
  const [namespace, name, ...rest] = parts.length === 3 && isServiceWord(parts[0]) ? parts.slice(1) : parts;
  if (rest.length === 0 && isName(namespace, LABEL) && isName(name, LABEL)) return { namespace, name };
  throw new UsageError(refusalText('the Service', new Refused(text, 'svc/NAMESPACE/NAME or NAMESPACE/NAME')));
}

export function targetText({ namespace, name }: Target): string {
  return `${namespace}/${name}`;
}

function isServiceWord(word: string | undefined): boolean {
  return word === 'svc' || word === 'service' || word === 'services';
}
