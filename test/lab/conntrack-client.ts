/**
 * A UDP client that keeps its sockets, so that what it sends belongs to the same flow: reads `NAME ADDRESS PORT` lines
 * on stdin, sends a packet through the socket of that name, and prints `NAME ANSWER` for each packet that comes back.
 * Ends when its stdin does.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';

const sockets = new Map<string, Socket>();

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', address = '', port] = line.split(' ');
  socket(name, address).send('who are you?', Number(port), address);
}
for (const open of sockets.values()) open.close();

function socket(name: string, address: string): Socket {
  const known = sockets.get(name);
  if (known) return known;
  const created = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  created.on('message', (message) => process.stdout.write(`${name} ${message.toString().trim()}\n`));
  // What a refusal looks like is no matter here: there is no answer.
  created.on('error', () => {});
  sockets.set(name, created);
  return created;
}
