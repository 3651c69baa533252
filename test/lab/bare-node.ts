import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync, sweepStale } from './namespaces.ts';

/** A node without Pods or neighbours: a namespace with interfaces that lead nowhere, for tests that look at rules only. */
export class BareNode implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly #remove: () => void;

  /** @param interfaces their names; they are up and have no addresses. */
  static async create(interfaces: readonly string[]): Promise<BareNode> {
    await sweepStale();
    const prefix = newPrefix();
    const remove = () => removeNamespacesSync(prefix);
    process.once('exit', remove);
    try {
      const [namespace] = await addNamespaces([`${prefix}-node`]);
      if (namespace === undefined) throw new Error('unreachable');
      await namespace.ip([
        'link set lo up',
        ...interfaces.flatMap((name, i) => [
          `link add ${name} type veth peer name far${i}`,
          `link set ${name} addrgenmode none up`,
          `link set far${i} addrgenmode none up`,
        ]),
      ]);
      return new BareNode(namespace, remove);
    } catch (error) {
      remove();
      throw error;
    }
  }

  private constructor(namespace: Namespace, remove: () => void) {
    this.namespace = namespace;
    this.#remove = remove;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#remove);
    this.#remove();
  }
}
