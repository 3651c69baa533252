import type { Backend } from '../../../dataplane/iptables/tools.ts';
import { NotAllowed, NotKnown } from '../check.ts';
import type { Facts } from '../facts.ts';

/** Both packet filters that iptables programs, the one that is usual first. */
export const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

/** The plain tool of each family, without a backend. */
export const TOOLS = { ipv4: 'iptables', ipv6: 'ip6tables' } as const;

/** All that a backend has, of the families of this node; undefined where its tools are missing. @throws NotAllowed */
export async function savedBy(facts: Facts, backend: Backend) {
  const families = await facts.families();
  try {
    const tables = await Promise.all(families.map((family) => facts.saved(backend, family)));
    return { backend, tables: tables.flat(), why: '' };
  } catch (error) {
    if (!(error instanceof NotKnown) || error instanceof NotAllowed) throw error;
    return { backend, tables: undefined, why: error.message };
  }
}

/** Both backends can be read, or one has no tools here. What is forbidden must not be taken for absent. @throws NotAllowed */
export async function requireReadable(facts: Facts): Promise<void> {
  for (const backend of BACKENDS) await savedBy(facts, backend);
}
