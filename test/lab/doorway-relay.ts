/**
 * Lets TCP connections into a namespace: what connects to the Unix socket FOLDER/PORT.sock goes to 127.0.0.1 PORT
 * here. Usage: doorway-relay.ts FOLDER PORT... Ends when its stdin does.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const [folder = '', ...ports] = process.argv.slice(2);

for (const port of ports) {
  const server = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    // No pipeline: it takes both away when one of them closes, before all of a long answer has gone out.
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.listen(join(folder, `${port}.sock`));
  await once(server, 'listening');
}
process.stdout.write('ready\n');
process.stdin.resume().once('end', () => process.exit(0));
