import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { BareNode } from '../lab/bare-node.ts';
import { BACKENDS, type Backend, describeLab } from '../lab/suite.ts';
import { now } from './clock.ts';
import { watchCommand } from './kernel-watch.ts';
import { parseTransaction, type Transaction } from './transaction.ts';

await describeLab('the kernel watch', () => {
  it.each(BACKENDS)('on the %s backend tells what somebody else has done, and when', async (backend) => {
    await using node = await BareNode.create([]);
    const iptables = (...args: readonly string[]) =>
      node.namespace.run([`iptables-${backend}`, '-w', '-t', 'nat', ...args]);
    await iptables('-S');
    await using watch = await startWatch(node, backend);
    await watch.catchUp();
    const found = watch.told.length;
    const before = now();
    for (const rule of [['-N'], ['-A', '-j', 'RETURN'], ['-F'], ['-X']]) {
      const [operation = '', ...rest] = rule;
      await iptables(operation, 'KUBE-SVC-ONE', ...rest);
      // What is asked for every millisecond may otherwise have changed twice, on a busy machine.
      await watch.catchUp();
    }
    const after = now();
    const told = watch.told.slice(found).filter((transaction) => transaction.events.size > 0);

    const events = told.map((transaction) => [...transaction.events]);
    expect(events).toEqual(EXPECTED[backend]);
    for (const { at, whole } of told) {
      expect(whole).toBe(true);
      expect(at).toBeGreaterThan(before);
      expect(at).toBeLessThan(after);
    }
  });

  it('tells of each endpoint in a map of a rule when it comes, and comes again', async () => {
    await using node = await BareNode.create([]);
    await using watch = await startWatch(node, 'nft');
    const rule = (...endpoints: readonly string[]) => {
      const map = endpoints.map((address, i) => `${i} : ${address} . 8080`).join(', ');
      return `add rule ip t c meta l4proto tcp dnat ip to numgen random mod ${endpoints.length} map { ${map} }`;
    };
    const table = 'add table ip t; add chain ip t c';
    for (const payload of [
      `${table}; ${rule('10.0.0.1', '10.0.0.2')}`,
      `flush chain ip t c; ${rule('10.0.0.2', '10.1.2.3')}`,
      'delete table ip t',
      `${table}; ${rule('10.0.0.2')}`,
    ])
      await node.namespace.run(['nft', payload]);
    await watch.catchUp();

    const values = watch.told.map(({ events }) =>
      [...events.keys()].filter((event) => event.startsWith('+value ')).toSorted(),
    );
    expect(values.filter((found) => found.length > 0)).toEqual([
      ['+value 10.0.0.1', '+value 10.0.0.2'],
      ['+value 10.1.2.3'],
      ['+value 10.0.0.2'],
    ]);
  });
});

const EXPECTED: Readonly<Record<Backend, readonly unknown[]>> = {
  nft: [
    [['+chain ip nat KUBE-SVC-ONE', 1]],
    [['+rule ip nat KUBE-SVC-ONE', 1]],
    [['-rule ip nat KUBE-SVC-ONE', 1]],
    [['-chain ip nat KUBE-SVC-ONE', 1]],
  ],
  // Its own chains and the end of the table are five entries; a chain has two, and one for its rule.
  legacy: [7, 8, 7, 5].map((entries) => [
    ['nat', entries],
    ['filter', 4],
    ['mangle', 6],
  ]),
};

async function startWatch(node: BareNode, backend: Backend) {
  const subprocess = node.namespace.start(watchCommand(backend));
  const lines = createInterface({ input: subprocess.stdout });
  await once(lines, 'line');
  const told: Transaction[] = [];
  let caughtUp = () => {};
  lines.on('line', (line) => {
    if (line === 'caught up') caughtUp();
    else told.push(parseTransaction(line));
  });
  return {
    told,
    async catchUp(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      caughtUp = resolve;
      subprocess.stdin.write('?\n');
      await promise;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      subprocess.kill();
      await subprocess;
    },
  };
}
