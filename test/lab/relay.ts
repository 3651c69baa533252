/**
 * Carries TCP connections out of a namespace: what connects to ADDRESS PORT here goes to a Unix socket, which is a
 * file and so the same in all namespaces. Usage: relay.ts ADDRESS PORT PATH. Ends when its stdin does.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

const [address = '', port = '', path = ''] = process.argv.slice(2);

const server = createServer((client) => {
  const upstream = connect(path);
  pipeline(client, upstream, client, () => {});
});
server.listen(Number(port), address);
await once(server, 'listening');
process.stdout.write('ready\n');
process.stdin.resume().once('end', () => process.exit(0));
