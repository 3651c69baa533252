import type { Address } from '../../../../rules/model.ts';
import { type Check, NotKnown, ok, type Result, warning } from '../check.ts';

/** Whether what the other checks look at is the node's, and not that of a container or another machine. */
export const HERE: Check = {
  id: 'node-here',
  title: 'this machine',
  about: 'cluster',
  run: async (facts) => {
    if (facts.question.offline) throw new NotKnown('node checks are off (--offline)');
    const { node } = await facts.cluster();
    if (!node) throw new NotKnown('the Node is not known');
    return isHere(facts.settings.nodeName, node.addresses, await facts.ownAddresses());
  },
};

export function isHere(name: string, node: readonly Address[], here: readonly Address[]): Result {
  const shared = node.filter((address) => here.includes(address));
  if (shared.length > 0) return ok(`has ${shared.join(' and ')} of Node ${name}`);
  if (node.length === 0) throw new NotKnown('the Node has no addresses');
  return warning(
    `is not Node ${name}: it has none of ${node.join(', ')}; node checks are skipped`,
    `run it on the node (in a Pod: with hostNetwork), or name another Node by --hostname-override; --offline says that this is meant`,
  );
}
