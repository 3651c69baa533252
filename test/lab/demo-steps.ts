import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { FAMILIES } from '../../rules/model.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import { ApiGate } from './api-gate.ts';
import { run } from './command.ts';
import { eventually } from './deadline.ts';
import type { DemoReport } from './demo-report.ts';
import { rulesOfService } from './demo-rules.ts';
import { FairleadProcess, type LogRecord } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import type { Target } from './probe-protocol.ts';
import { dumpRules } from './rule-dump.ts';
import { ADDRESSES, LOCAL_PODS, NODE_NAME } from './topology.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const FIXTURES = ['nodes.yaml', 'hostnames.yaml'].map((name) => `fixtures/demo/${name}`);
const CONFIG = 'fixtures/demo/config.yaml';
const SERVICE_PORT_NAME = 'default/hostnames:http';
const BACKEND = 'nft';

/** Runs the whole demo. All that it starts is in `resources`; the caller disposes them, whatever happens. */
export async function runDemo(report: DemoReport, resources: AsyncDisposableStack): Promise<void> {
  report.say('Fairlead demo: a node, its Pods and a client, in network namespaces of this machine\n');
  const lab = resources.use(await Lab.create());
  drawLab(report);

  const api = await startApiServer();
  resources.defer(() => api.close());
  for (const file of FIXTURES) api.loadYaml(await readFile(`${PROJECT}${file}`, 'utf8'));
  const gate = lab.own(await ApiGate.open(lab, api));

  const start = () => {
    const flags = ['--config', `${PROJECT}${CONFIG}`, '--kubeconfig', gate.kubeconfig];
    const node = ['--hostname-override', NODE_NAME, '--iptables-backend', BACKEND];
    return lab.own(new FairleadProcess(lab.node, [...flags, ...node]));
  };
  report.section('Fairlead starts on the node');
  report.detail(`$ fairlead --config ${CONFIG} --kubeconfig admin.conf --hostname-override ${NODE_NAME}`, '');
  const fairlead = start();
  await fairlead.synced();
  reportSyncs(report, fairlead, 0);

  report.section('The client sends requests to the Service');
  await reportTraffic(report, lab, targets(api));

  report.section('The rules that did it (nat table, IPv4, without comments)');
  const dump = await dumpRules(lab.node, BACKEND, 'ipv4');
  report.detail(...rulesOfService(dump, SERVICE_PORT_NAME));

  report.section('pod-c leaves: its endpoint goes from the EndpointSlices at the API server');
  const before = fairlead.log.length;
  removePod(api, 'pod-c');
  await Promise.all(
    FAMILIES.map((family) =>
      eventually(`the rules of ${family} without pod-c`, async () => {
        const rules = await dumpRules(lab.node, BACKEND, family);
        return rules.includes(ADDRESSES[family].pods['pod-c']) ? undefined : rules;
      }),
    ),
  );
  await fairlead.until('both families to log it', () =>
    FAMILIES.every((family) => fairlead.log.slice(before).some((record) => isSync(record, family))),
  );
  reportSyncs(report, fairlead, before);
  report.say();
  await reportTraffic(report, lab, targets(api).slice(0, 1));

  report.section('Fairlead restarts on an unchanged cluster');
  await fairlead.stop();
  const second = start();
  await second.synced();
  reportSyncs(report, second, 0);
  await second.stop();

  tryNext(report);
}

/** What can be shown without privileges: the rules that Fairlead would program. */
export async function dryRunOfDemo(report: DemoReport, hindrance: string): Promise<void> {
  report.say(`No packets today: ${hindrance}.`);
  report.say('Here is what Fairlead would program on the node of the demo, without touching anything:\n');
  const flags = ['--dry-run', '--ip-family', 'ipv4', '--config', CONFIG, '--hostname-override', NODE_NAME];
  const from = FIXTURES.flatMap((file) => ['--from', file]);
  report.say(`$ fairlead ${[...flags, ...from].join(' ')}`);
  const absolute = [...flags, ...from].map((word) =>
    word.startsWith('fixtures/') ? `${PROJECT}${word}` : word,
  );
  report.say(await run([process.execPath, `${PROJECT}src/main.ts`, ...absolute]));
  report.say('As root on Linux, with iptables, `npm run demo` sends real requests through these rules.');
}

function drawLab(report: DemoReport): void {
  const { ipv4: own } = ADDRESSES;
  const [client] = own.clients;
  report.detail(
    ...LOCAL_PODS.map((name, i) => {
      const left = i === 1 ? `client ${client} ---- ${NODE_NAME} ${own.node} --+` : '+'.padStart(51);
      return `${left.padStart(51)}-- ${name} ${own.pods[name]}`;
    }),
  );
}

function targets(api: ApiServer): readonly { readonly title: string; readonly target: Target }[] {
  const spec = (api.get('Service', 'default', 'hostnames') as V1Service | undefined)?.spec;
  const port = spec?.ports?.[0];
  const at = (title: string, address: string, number = 0) => ({
    title: `${title} ${address.includes(':') ? `[${address}]` : address}:${number}`,
    target: { protocol: 'tcp' as const, address, port: number },
  });
  const [ipv4 = '', ipv6 = ''] = spec?.clusterIPs ?? [];
  return [
    at('cluster IP', ipv4, port?.port),
    at('node port', ADDRESSES.ipv4.node, port?.nodePort),
    at('cluster IP', ipv6, port?.port),
  ];
}

async function reportTraffic(report: DemoReport, lab: Lab, to: ReturnType<typeof targets>): Promise<void> {
  for (const [i, { title, target }] of to.entries()) {
    const answers = await lab.from(lab.outside).request(target, { count: 300, parallel: 8 });
    if (i > 0) report.say();
    report.shares(title, answers, LOCAL_PODS);
  }
}

function removePod(api: ApiServer, name: string): void {
  for (const family of FAMILIES) {
    const slice = `hostnames-${family}`;
    const { endpoints = [] } = api.get('EndpointSlice', 'default', slice) as unknown as V1EndpointSlice;
    const left = (endpoints ?? []).filter(({ targetRef }) => targetRef?.name !== name);
    api.patch('EndpointSlice', 'default', slice, { endpoints: left });
  }
}

function isSync(record: LogRecord, family: string): boolean {
  return record.msg === 'synced' && record['family'] === family;
}

/** One row for each sync since a place in the log. */
function reportSyncs(report: DemoReport, fairlead: FairleadProcess, since: number): void {
  const rows = FAMILIES.flatMap((family) =>
    fairlead.log
      .slice(since)
      .filter((record) => isSync(record, family))
      .map((record) => [
        family === 'ipv4' ? 'IPv4' : 'IPv6',
        `${record['lines']} lines written`,
        `${Number(record['ms']).toFixed(0)} ms`,
      ]),
  );
  report.columns(rows);
}

function tryNext(report: DemoReport): void {
  report.section('To try next');
  const from = FIXTURES.map((file) => `--from ${file}`).join(' ');
  report.detail(
    'These rules, printed, without root:',
    `   npm run -s fairlead -- --dry-run ${from} --hostname-override ${NODE_NAME}`,
    'What a node of your own cluster should have, changing nothing:',
    '   npm run -s fairlead -- --dry-run --kubeconfig ~/.kube/config --hostname-override NODE',
    'All that has to work, on both iptables backends and in both IP families:',
    '   npm test -- --project lab',
  );
}
