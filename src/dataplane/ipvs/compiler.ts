import { compileBase } from '../../../rules/ipvs/base.ts';
import { compileServicePort, type IpvsContext, ipvsContext } from '../../../rules/ipvs/compile.ts';
import type { Compiler, Context } from '../../desired-state.ts';

/** @param scheduler as ipvsadm names it */
export function ipvsCompiler(scheduler: string): Compiler {
  const shared = new WeakMap<Context, IpvsContext>();
  return {
    base: ({ settings }) => compileBase(settings),
    servicePort: (servicePort, context) => {
      let own = shared.get(context);
      if (!own) {
        own = ipvsContext(context.node, context.settings, { scheduler });
        shared.set(context, own);
      }
      return compileServicePort(servicePort, own);
    },
  };
}
