import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BenchNode } from './bench-node.ts';
import { now } from './clock.ts';
import { type Contender, start } from './course.ts';
import type { Measurement } from './result.ts';

/** Times the way from the start of the process to its first request, at an API server that only takes the time. */
export async function measureFirstRequest(
  contender: Contender,
  node: BenchNode,
  { kubeconfig, url }: { readonly kubeconfig: string; readonly url: string },
  starts: number,
): Promise<Measurement> {
  const server = createServer((_request, response) => {
    server.emit('asked', now());
    response.statusCode = 503;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const text = await readFile(kubeconfig, 'utf8');
  const { port } = server.address() as AddressInfo;
  await writeFile(kubeconfig, text.replace(url, `http://127.0.0.1:${port}`));
  try {
    const samples: number[] = [];
    for (let i = 0; i < starts; i++) {
      const asked = once(server, 'asked');
      await using proxy = await start(contender, node);
      const [at] = await proxy.during(asked);
      samples.push(Number(at) - proxy.started);
    }
    return { case: 'start to first API request', by: contender.name, samples };
  } finally {
    await writeFile(kubeconfig, text);
    server.closeAllConnections();
    server.close();
  }
}
