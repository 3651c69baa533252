import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { makeCertificates } from './certificates.ts';
import { type ApiServerOptions, startApiServer } from './server.ts';

interface Flags {
  readonly listen: { host: string; port: number };
  readonly from: readonly string[];
  readonly writeKubeconfig?: string;
  readonly token?: string;
  readonly tls?: boolean;
  readonly bookmarkInterval: number;
  readonly history: number;
}

const program = new Command('apiserver')
  .description('An API server that holds everything in memory. Prints {"url", "kubeconfig"} when it listens.')
  .option('--listen <address:port>', 'port 0: any free one', parseAddress, { host: '127.0.0.1', port: 0 })
  .option('--from <file>', 'objects to begin with (repeatable)', gather, [])
  .option('--write-kubeconfig <file>', 'default: a temporary file')
  .option('--token <token>', 'bearer token that clients must have')
  .option('--tls', 'HTTPS, with certificates made by openssl; the kubeconfig has a client certificate')
  .option('--bookmark-interval <seconds>', 'time between bookmarks', Number, 60)
  .option('--history <changes>', 'changes that can be watched from', Number, 10_000)
  .parse();
await run(program.opts<Flags>());

async function run(flags: Flags): Promise<void> {
  const server = await startApiServer({
    ...flags.listen,
    ...(flags.tls === true ? await withCertificates(flags.listen.host) : {}),
    ...(flags.token === undefined ? {} : { tokens: { [flags.token]: 'admin' } }),
    bookmarkIntervalMs: flags.bookmarkInterval * 1000,
    historyLimit: flags.history,
  });
  for (const file of flags.from) server.loadYaml(await readFile(file, 'utf8'));
  const temporary =
    flags.writeKubeconfig === undefined ? await mkdtemp(join(tmpdir(), 'fairlead-apiserver-')) : undefined;
  const kubeconfig = flags.writeKubeconfig ?? join(temporary ?? '', 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
  const stop = async () => {
    await server.close();
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  process.stdout.write(`${JSON.stringify({ url: server.url, kubeconfig })}\n`);
}

async function withCertificates(host: string): Promise<Pick<ApiServerOptions, 'tls' | 'clientCertificate'>> {
  const { ca, server, client } = await makeCertificates([host]);
  return { tls: { ...server, ca, clientCa: ca }, clientCertificate: client };
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text);
  if (match?.[1] === undefined || match[1] === '') throw new InvalidArgumentError('must be ADDRESS:PORT');
  return { host: match[1], port: Number(match[2]) };
}

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
