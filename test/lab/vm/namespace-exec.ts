import { type ConversationExec, type Exec, type LineExec, systemExec } from '../../../src/dataplane/exec.ts';
import type { Namespace } from '../namespaces.ts';

/**
 * Starts programs in a namespace. Does without what `ip netns exec` does besides: it takes its time where a processor
 * is emulated.
 */
export function execIn({ name }: Namespace): Exec & LineExec & ConversationExec {
  const inside = (program: string, args: readonly string[]) =>
    ['nsenter', [`--net=/run/netns/${name}`, program, ...args]] as const;
  return {
    run: (program, args, options) => systemExec.run(...inside(program, args), options),
    lines: (program, args, onLine, options) => systemExec.lines(...inside(program, args), onLine, options),
    converse: (program, args, listener) => systemExec.converse(...inside(program, args), listener),
  };
}
