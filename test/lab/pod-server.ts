/**
 * A Pod's program: answers HTTP and UDP with its name and the client's address that it saw.
 * Usage: pod-server.ts NAME PORT ADDRESS…. Prints a line when it answers, and ends when its stdin does.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { isIPv6 } from 'node:net';

const [pod = '', port = '', ...addresses] = process.argv.slice(2);

function answer(client: string | undefined): string {
  return `${JSON.stringify({ pod, client })}\n`;
}

for (const address of addresses) {
  const http = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(answer(request.socket.remoteAddress));
  });
  // A connection that a test holds open must end by the test, not by a timer here.
  http.keepAliveTimeout = 0;
  http.listen({ host: address, port: Number(port), backlog: 1024 });

  const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address));
  udp.bind(Number(port), address);

  await Promise.all([once(http, 'listening'), once(udp, 'listening')]);
}

process.stdout.write('ready\n');
process.stdin.resume().once('end', () => process.exit(0));
