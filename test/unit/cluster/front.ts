import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers the request itself and returns true, or leaves it to the server behind. */
export type Intercept = (request: http.IncomingMessage, response: http.ServerResponse) => boolean;

export interface Front {
  readonly url: string;
  close(): void;
}

/** Stands in front of an API server, and answers some requests in its place. */
export async function openFront(behind: string, intercept: Intercept): Promise<Front> {
  const server = http.createServer((request, response) => {
    if (!intercept(request, response)) pass(behind, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function pass(behind: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const { method, headers, url = '/' } = request;
  const inner = http.request(new URL(url, behind), { method, headers, agent: false });
  inner.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  inner.on('error', () => response.destroy());
  response.on('close', () => inner.destroy());
  inner.end();
}
