import type { IncomingMessage, ServerResponse } from 'node:http';
import { asObject, type JsonObject } from './json.ts';
import type {
  ApiServer,
  CutLists,
  CutWatches,
  FailNext,
  RestartOptions,
  SlowBody,
  WatchListSupport,
} from './server.ts';

/** One body of `POST /_test/faults`. */
export type FaultRequest =
  | {
      readonly fault:
        | 'dropConnections'
        | 'stall'
        | 'resume'
        | 'compact'
        | 'bookmark'
        | 'endWatches'
        | 'clear';
    }
  | ({ readonly fault: 'cutWatches' } & CutWatches)
  | ({ readonly fault: 'cutLists' } & CutLists)
  | ({ readonly fault: 'slowBody' } & SlowBody)
  | { readonly fault: 'splitCharacters'; readonly on: boolean }
  | ({ readonly fault: 'failNext' } & FailNext)
  | ({ readonly fault: 'restart' } & RestartOptions)
  | { readonly fault: 'watchList'; readonly support: WatchListSupport };

/**
 * What tests do to a server that is another process. Faults and authentication do not apply here.
 * - `POST /_test/faults` with a FaultRequest
 * - `POST /_test/load` with YAML or JSON: puts all objects
 * - `GET /_test/state`: connections, watches, resourceVersion, requests
 */
export async function control(
  server: ApiServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const answer = act(server, `${request.method} ${request.url}`, body, response);
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify(answer ?? {}));
  } catch (error) {
    response.statusCode = 400;
    response.end(String(error));
  }
}

function act(
  server: ApiServer,
  what: string,
  body: string,
  response: ServerResponse,
): JsonObject | undefined {
  switch (what) {
    case 'POST /_test/faults': {
      const fault = asObject(JSON.parse(body)) as FaultRequest | undefined;
      if (fault === undefined) throw new Error('the body must be a JSON object with the field "fault"');
      // These two break this very connection, so the answer goes first.
      const breaks = fault.fault === 'dropConnections' || fault.fault === 'restart';
      if (breaks) response.once('finish', () => applyFault(server, fault));
      else applyFault(server, fault);
      return {};
    }
    case 'POST /_test/load':
      server.loadYaml(body);
      return { resourceVersion: server.resourceVersion };
    case 'GET /_test/state':
      return {
        connections: server.connections,
        watches: server.watches(),
        resourceVersion: server.resourceVersion,
        requests: server.requests.map(({ method, path, verb, resource, status }) => {
          return { method, path, verb, resource, status };
        }),
      };
    default:
      return undefined;
  }
}

function applyFault(server: ApiServer, request: FaultRequest): void {
  const { faults } = server;
  if (request.fault === 'dropConnections') server.dropConnections();
  else if (request.fault === 'compact') server.compact();
  else if (request.fault === 'bookmark') server.bookmark();
  else if (request.fault === 'endWatches') server.endWatches();
  else if (request.fault === 'restart') server.restart(request);
  else if (request.fault === 'stall') faults.stall();
  else if (request.fault === 'resume') faults.resume();
  else if (request.fault === 'clear') faults.clear();
  else if (request.fault === 'cutWatches') faults.cutWatches(request);
  else if (request.fault === 'cutLists') faults.cutLists(request);
  else if (request.fault === 'failNext') faults.failNext(request);
  else if (request.fault === 'slowBody') faults.slowBody = request;
  else if (request.fault === 'splitCharacters') faults.splitCharacters = request.on;
  else if (request.fault === 'watchList') faults.watchList = request.support;
  else throw new Error(`unknown fault: ${JSON.stringify(request)}`);
}
