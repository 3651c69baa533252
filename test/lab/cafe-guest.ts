/**
 * The cafe's guests: ask every entrance for tea and coffee, one request after the other on connections of their own,
 * and write a line for each answer. Usage: cafe-guest.ts CERTIFICATE HOST ENTRANCES (JSON). A line of stdin (JSON) is an
 * order for a whole pot, see CafeOrder. Ends when its stdin does.
 */
import { readFileSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { CafeAnswer, CafeOrder, Entrance } from './cafe-guests.ts';

const [certificate = '', host = '', entrances = '[]'] = process.argv.slice(2);
const ca = readFileSync(certificate);
const PAUSE_MS = 15;
/** ms for an answer, and for a whole pot; an emulated processor takes its time. */
const TIMEOUT_MS = 20_000;
const POT_TIMEOUT_MS = 120_000;

for (const entrance of JSON.parse(entrances) as readonly Entrance[]) void visit(entrance);
for await (const line of createInterface({ input: process.stdin })) void order(JSON.parse(line));
process.exit(0);

async function visit(entrance: Entrance): Promise<never> {
  for (let i = 0; ; i++) {
    tell(await ask(entrance, i % 2 === 0 ? '/tea' : '/coffee'));
    await pause(PAUSE_MS);
  }
}

async function order({ id, entrance, path }: CafeOrder): Promise<void> {
  tell(await ask(entrance, path, { order: id }));
}

function ask(entrance: Entrance, path: string, more: { readonly order?: number } = {}): Promise<CafeAnswer> {
  const start = performance.now();
  const known = { ...more, entrance: entrance.name, path };
  return new Promise((resolve) => {
    const done = (result: Partial<CafeAnswer>) => {
      clearTimeout(timer);
      resolve({ ...known, ...result, ms: Math.round((performance.now() - start) * 10) / 10 });
    };
    const call: ClientRequest = request(
      {
        host: entrance.address,
        port: entrance.port,
        path,
        ca,
        servername: host,
        headers: { host },
        agent: false,
      },
      (response) => {
        const controller = String(response.headers['x-controller']);
        if (more.order !== undefined)
          tell({ ...known, begun: true, pod: String(response.headers['x-pod']), ms: 0 });
        read(response).then(
          (text) =>
            done(
              response.statusCode === 200
                ? { controller, ...JSON.parse(text), tea: undefined }
                : { controller, error: `HTTP ${response.statusCode}` },
            ),
          (error: Error) => done({ error: `answer cut off: ${error.message}` }),
        );
      },
    );
    const timeoutMs = more.order === undefined ? TIMEOUT_MS : POT_TIMEOUT_MS;
    const timer = setTimeout(() => call.destroy(new Error('timeout')), timeoutMs);
    call.on('error', (error) => done({ error: error.message }));
    call.end();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

function tell(answer: CafeAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
