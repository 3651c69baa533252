import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterOptions, listCluster } from '../../../src/cluster/api.ts';
import { type Connection, openConnection } from '../../../src/cluster/connection.ts';
import { type ApiServer, startApiServer } from '../../apiserver/server.ts';
import { type Front, openFront } from './front.ts';
import { RecordingLogger, RecordingSink } from './recorders.ts';

describe('listCluster', () => {
  let server: ApiServer;
  let sink = new RecordingSink();
  let logger = new RecordingLogger();
  let connections: Connection[] = [];
  let fronts: Front[] = [];

  beforeEach(async () => {
    server = await startApiServer();
    sink = new RecordingSink();
    logger = new RecordingLogger();
    connections = [];
    fronts = [];
    for (const name of ['web', 'db']) {
      server.put({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }] } });
    }
    server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  });

  afterEach(async () => {
    for (const connection of connections) connection.close();
    for (const front of fronts) front.close();
    await server.close();
  });

  async function list(options: Partial<ClusterOptions> = {}, url = server.url): Promise<void> {
    const connection = await openConnection({ master: url, env: {}, userAgent: 'fairlead/test' });
    connections.push(connection);
    const signal = new AbortController().signal;
    await listCluster({
      connection,
      sink,
      logger,
      nodeName: 'node-1',
      serviceCIDRs: true,
      signal,
      timing: { backoffMinMs: 1, retryAfterMaxMs: 1 },
      ...options,
    });
  }

  it('gives all there is, says so, and leaves no watch behind', async () => {
    await list();
    expect(sink.lines.sort()).toEqual([
      '+Node node-1',
      '+Service default/db',
      '+Service default/web',
      'synced EndpointSlice',
      'synced Node',
      'synced Service',
      'synced ServiceCIDR',
    ]);
    expect(server.requests.map(({ verb }) => verb)).toEqual(['list', 'list', 'list', 'list']);
  });

  it('gives no Node where the cluster has none of that name', async () => {
    await list({ nodeName: 'laptop', serviceCIDRs: false });
    expect(sink.lines).toContain('synced Node');
    expect(sink.lines.join()).not.toContain('+Node');
  });

  it('goes on without ServiceCIDRs where they are not given', async () => {
    server.deny = ({ resource }) => resource.plural === 'servicecidrs';
    await list();
    expect(sink.lines).toContain('synced ServiceCIDR');
    expect(logger.shown).toEqual([
      expect.stringMatching(/^info: cannot list servicecidrs: .*; going on without$/),
    ]);
  });

  it('is patient with a server that is busy, but not for ever', async () => {
    server.faults.failNext({ status: 503, resource: 'services', count: 2 });
    await list();
    expect(sink.lines).toContain('synced Service');
    server.faults.failNext({ status: 429, resource: 'services', count: 3 });
    await expect(list()).rejects.toMatchObject({ code: 'unavailable', status: 429 });
  });

  it('says that the server cannot be reached', async () => {
    await server.stop();
    await expect(list()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^the API server 127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/,
      ),
    });
  });

  it('says that the credentials are not accepted', async () => {
    server.faults.failNext({ status: 401, count: 9 });
    await expect(list()).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('does not accept these credentials (401: Unauthorized)'),
    });
  });

  it('says which right is missing, and stops all else', async () => {
    server.deny = ({ resource }) => resource.plural === 'nodes';
    await expect(list()).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('{apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"]}'),
    });
  });

  it.each([
    [200, '<html>', 'protocol', 'sent something that is no JSON: "<html>"'],
    [200, '{}', 'protocol', 'has no resource version'],
    [302, '', 'protocol', 'answers 302: nothing'],
    [404, 'page not found\n', 'absent', 'answers 404: page not found'],
  ])('says that the other side is no API server (%s %j)', async (status, body, code, message) => {
    const front = await openFront(server.url, (_, response) => {
      response.writeHead(status).end(body);
      return true;
    });
    fronts.push(front);
    await expect(list({ serviceCIDRs: false }, front.url)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('ends with its signal', async () => {
    server.faults.stall();
    const controller = new AbortController();
    const listed = list({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(listed).rejects.toThrow('enough');
  });
});
