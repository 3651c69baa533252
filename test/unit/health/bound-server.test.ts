import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { BoundServer, type BoundServerOptions } from '../../../src/health/bound-server.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { RecordingLogger } from '../cluster/recorders.ts';
import { until } from '../cluster/until.ts';

let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

function setUp(options: Partial<BoundServerOptions>) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const refused: string[] = [];
  const server = new BoundServer({
    name: 'health server',
    host: '127.0.0.1',
    port: 0,
    hardFail: false,
    handler: (_, response) => response.end('here'),
    clock,
    logger,
    refused: (message) => refused.push(message),
    ...options,
  });
  cleanups.push(() => server.close());
  return { clock, logger, refused, server };
}

async function occupy(host = '127.0.0.1'): Promise<{ port: number; holder: Server }> {
  const holder = createServer();
  holder.listen(0, host);
  await once(holder, 'listening');
  cleanups.push(() => holder.close());
  return { port: (holder.address() as AddressInfo).port, holder };
}

describe('BoundServer', () => {
  it('answers', async () => {
    const { server, logger } = setUp({});
    await server.start();
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('here');
    expect(logger.shown).toEqual([]);
  });

  it.skipIf(networkInterfaces()['lo']?.every(({ family }) => family === 'IPv4')).each(['0.0.0.0', '::'])(
    'listens on all addresses of both families for %s',
    async (host) => {
      const { server } = setUp({ host });
      await server.start();
      for (const address of ['127.0.0.1', '[::1]']) {
        expect((await fetch(`http://${address}:${server.port}/`)).status).toBe(200);
      }
    },
  );

  it('goes on trying for a port that is in use, and complains once', async () => {
    const { port, holder } = await occupy();
    const { clock, logger, refused, server } = setUp({ port });
    await server.start();
    expect(server.port).toBeUndefined();
    const message = `the health server cannot listen on 127.0.0.1:${port}: the port is in use`;
    expect(refused).toEqual([message]);
    expect(logger.shown).toEqual([`warn: ${message}; trying again every 5 s`]);

    clock.advance(5_000);
    await until('another attempt fails', () => clock.waits[0] === 5_000);
    holder.close();
    await once(holder, 'close');
    clock.advance(5_000);
    await until('the server listens', () => server.port === port);
    expect(refused).toHaveLength(1);
    expect(logger.shown[1]).toBe('info: the health server listens at last');
  });

  it('gives up at once under bindAddressHardFail', async () => {
    const { port } = await occupy();
    const { clock, server } = setUp({ port, hardFail: true });
    await expect(server.start()).rejects.toMatchObject({
      code: 'bind',
      exitCode: 1,
      message: `the health server cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    expect(clock.waits).toEqual([]);
  });

  it('names an address that no interface has', async () => {
    const { refused, server } = setUp({ host: '192.0.2.1', port: 10256 });
    await server.start();
    expect(refused).toEqual([
      'the health server cannot listen on 192.0.2.1:10256: no interface has the address',
    ]);
  });

  it('frees the port when it is closed, with connections open or attempts to come', async () => {
    const { server } = setUp({});
    await server.start();
    const { port } = server;
    await fetch(`http://127.0.0.1:${port}/`);
    await server.close();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();

    const occupied = await occupy();
    const waiting = setUp({ port: occupied.port });
    await waiting.server.start();
    await waiting.server.close();
    expect(waiting.clock.waits).toEqual([]);
  });
});
