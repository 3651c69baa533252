import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAMILIES } from '../../rules/model.ts';
import {
  type CafePod,
  cafeCluster,
  cafeClusterIP,
  cafePodAddress,
  INGRESS_NODE_PORT,
  idleServices,
  ingressBalancerIP,
} from './cafe-cluster.ts';
import type { CafeAnswer } from './cafe-guests.ts';
import { CAFE_HOST } from './cafe-nginx.ts';
import { ALL_ENTRANCES, CafeSite } from './cafe-site.ts';
import { CAFE_STEPS } from './cafe-steps.ts';
import { run } from './command.ts';
import type { DemoReport } from './demo-report.ts';
import { rulesOfService, stepsOfTable } from './demo-rules.ts';
import { manifest } from './manifest.ts';
import type { Answer } from './probe-protocol.ts';
import { ADDRESSES, NODE_NAME } from './topology.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const TEA_AND_COFFEE: readonly CafePod[] = ['tea-1', 'tea-2', 'tea-3', 'coffee-1', 'coffee-2'];
const REQUESTS = 40;

export type IngressMode = 'iptables' | 'nftables';

/** The cafe's day. All that it starts is in `resources`; the caller disposes them, whatever happens. */
export async function runIngressDemo(
  report: DemoReport,
  resources: AsyncDisposableStack,
  mode: IngressMode,
): Promise<void> {
  report.say(`Fairlead demo: ${CAFE_HOST} behind a real nginx, in network namespaces of this machine\n`);
  drawCafe(report);

  report.section(`Fairlead programs the node in ${mode} mode`);
  const site = resources.use(await CafeSite.open(mode));
  const syncs = FAMILIES.flatMap((family) => site.fairlead.syncs(family).slice(0, 1));
  report.columns(
    syncs.map(({ family, lines, ms }) => [
      family === 'ipv4' ? 'IPv4' : 'IPv6',
      `${lines} lines written`,
      `${Number(ms).toFixed(0)} ms`,
    ]),
  );

  report.section('Guests ask for tea and coffee, over TLS, each time on a new connection');
  const first = await site.guests.more(ALL_ENTRANCES, REQUESTS);
  for (const [i, { name }] of ALL_ENTRANCES.entries()) {
    if (i > 0) report.say();
    report.shares(name, first.filter(({ entrance }) => entrance === name).map(answerOf), TEA_AND_COFFEE);
  }

  report.section('The rules that lead nginx to tea (IPv4)');
  const rules = await site.rules('ipv4');
  report.detail(
    ...(mode === 'iptables'
      ? rulesOfService(rules, 'default/tea-svc:http')
      : stepsOfTable(rules, cafePodAddress('ipv4', 'ingress-1'), cafeClusterIP('ipv4', 'tea-svc'), 80)),
  );

  report.section('A day of the cafe, while guests never stop asking');
  for (const { name, run: happen } of CAFE_STEPS) {
    const start = site.guests.count;
    await happen(site);
    const asked = site.guests.since(start);
    report.detail(
      `✓ ${name}`,
      `     ${asked.length} requests meanwhile, ${asked.filter(({ error }) => error).length} failed`,
    );
    if (name.startsWith('policy ')) reportClients(report, asked);
  }

  report.section('To try next');
  report.detail(
    `The same in ${mode === 'iptables' ? 'nftables' : 'iptables'} mode:`,
    `   npm run demo -- ingress ${mode === 'iptables' ? 'nftables' : ''}`.trimEnd(),
    'As tests, in both modes (and in ipvs mode with `npm run test:vm`):',
    '   npx vitest run --project lab test/lab/cafe.test.ts',
  );
}

/** What can be shown without privileges: the rules that the cafe's node would have. */
export async function dryRunOfIngress(
  report: DemoReport,
  resources: AsyncDisposableStack,
  mode: IngressMode,
  hindrance: string,
): Promise<void> {
  report.say(`No packets today: ${hindrance}.`);
  report.say(`Here is what Fairlead would program for ${CAFE_HOST}, without touching anything:\n`);
  drawCafe(report);
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-demo-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'cafe.yaml');
  await writeFile(file, manifest([...cafeCluster(), ...idleServices()]));
  const cidr = ADDRESSES.ipv4.clusterCIDR;
  const flags = ['--dry-run', '--ip-family', 'ipv4', '--proxy-mode', mode, '--cluster-cidr', cidr];
  const all = [...flags, '--hostname-override', NODE_NAME, '--from', file];
  report.say(`\n$ fairlead ${all.join(' ')}`);
  report.say(await run([process.execPath, `${PROJECT}src/main.ts`, ...all]));
  report.say('As root on Linux, with iptables and nginx, `npm run demo -- ingress` opens the cafe.');
}

function drawCafe(report: DemoReport): void {
  const { node, clients } = ADDRESSES.ipv4;
  const ingress = cafePodAddress('ipv4', 'ingress-1');
  const entrances = [
    ['NodePort', `${node}:${INGRESS_NODE_PORT}`, `nginx, Pod ingress-1 ${ingress}`],
    ['LoadBalancer', `${ingressBalancerIP('ipv4')}:443`, 'the same'],
    ['hostNetwork', `${node}:443`, `nginx, in the network of ${NODE_NAME}`],
  ];
  report.detail(`guests ${clients[0]}, asking for https://${CAFE_HOST}/tea and /coffee`);
  report.columns(entrances.map(([name = '', address = '', to = '']) => ['  |', name, address, `-> ${to}`]));
  report.detail('');
  const services = [
    ['/tea', 'tea-svc', cafeClusterIP('ipv4', 'tea-svc'), TEA_AND_COFFEE.slice(0, 3)],
    ['/coffee', 'coffee-svc', cafeClusterIP('ipv4', 'coffee-svc'), TEA_AND_COFFEE.slice(3)],
  ] as const;
  report.detail('nginx');
  report.columns(
    services.map(([path, name, address, pods]) => [
      '  |',
      path,
      `${name} ${address}:80`,
      `-> ${pods.map((pod) => `${pod} ${cafePodAddress('ipv4', pod)}`).join(', ')}`,
    ]),
  );
}

function answerOf({ pod = '', client = '', error, ms }: CafeAnswer): Answer {
  return error === undefined ? { pod, client, ms } : { error, ms };
}

/** Which source addresses nginx has seen at last. */
function reportClients(report: DemoReport, answers: readonly CafeAnswer[]): void {
  const last = new Map(answers.map(({ entrance, forwardedFor = '' }) => [entrance, forwardedFor]));
  report.columns(ALL_ENTRANCES.map(({ name }) => ['     nginx saw', last.get(name) ?? '', `by ${name}`]));
}
