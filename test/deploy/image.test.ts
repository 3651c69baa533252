import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { BareNode } from '../lab/bare-node.ts';
import { labHindrance } from '../lab/hindrance.ts';
import { tool } from '../lab/rule-dump.ts';
import { BACKENDS, type Backend } from '../lab/suite.ts';
import { ROOT, readDockerfile } from './dockerfile.ts';
import { type ContainerOptions, Image } from './image.ts';

/** All that Fairlead starts, in any mode. */
const TOOLS = [
  ...FAMILIES.flatMap((family) =>
    BACKENDS.flatMap((backend) =>
      (['', '-save', '-restore'] as const).map((suffix) => tool(backend, family, suffix)),
    ),
  ),
  'conntrack',
  'ip',
  'ipset',
  'ipvsadm',
  'modprobe',
  'nfacct',
  'nft',
];

/** As the DaemonSet's overlays run it. */
const PRIVILEGES: Readonly<Record<string, ContainerOptions>> = {
  privileged: {},
  'with the capabilities of least-privilege': { capabilities: ['net_admin', 'net_raw'] },
};

const FLAGS = [
  '--config=/var/lib/kube-proxy/config.conf',
  '--hostname-override=node-1',
  ...['nodes.yaml', 'hostnames.yaml'].flatMap((name) => ['--from', `/var/lib/kube-proxy/${name}`]),
];

const ADDRESSES = ['172.18.0.2/16', 'fd00:172:18::2/64'];

const hindrance = (await Image.hindrance()) ?? (await labHindrance());

if (hindrance !== undefined && process.env['CI'] === 'true') {
  it("the image's content", () => expect.fail(`CI must test it: ${hindrance}`));
}

describe.skipIf(hindrance !== undefined)(
  hindrance === undefined ? "the image's content" : `the image's content (skipped: ${hindrance})`,
  { timeout: 60_000 },
  () => {
    let image: Image;

    beforeAll(async () => {
      image = await Image.assemble({
        'config.conf': await fixture('config.yaml'),
        'nodes.yaml': await fixture('nodes.yaml'),
        'hostnames.yaml': await fixture('hostnames.yaml'),
      });
      // The first time on a machine, Debian is downloaded and unpacked.
    }, 600_000);

    afterAll(async () => {
      await image?.[Symbol.asyncDispose]();
    });

    /** What Fairlead itself prints, without what kernels and interfaces have to say. */
    const dryRun = () => image.run([...image.entrypoint, '--dry-run', ...FLAGS]);

    it('has all tools that Fairlead starts', async () => {
      const missing = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done';
      expect(await image.run(['/bin/sh', '-c', missing, 'sh', ...TOOLS])).toBe('');
    });

    it('knows protocols by name, as ipset needs', async () => {
      expect(await image.run(['getent', 'protocols', 'tcp', 'udp', 'sctp'])).toMatch(
        /tcp.*\n.*udp.*\n.*sctp/,
      );
    });

    it("has the Dockerfile's Node, and Fairlead by its entrypoint", async () => {
      const { args } = await readDockerfile();
      expect(await image.run(['node', '--version'])).toBe(`v${args.get('NODE')}\n`);
      expect(await image.run([...image.entrypoint, '--version'])).toMatch(/^fairlead \d+\.\d+\.\d+\n$/);
    });

    it('prints the same dry run as the sources', async () => {
      const files = FLAGS.map((flag) => flag.replace('/var/lib/kube-proxy', join(ROOT, 'fixtures/demo')));
      const flags = files.map((flag) => flag.replace('config.conf', 'config.yaml'));
      const { stdout } = await execa(process.execPath, [join(ROOT, 'src/main.ts'), '--dry-run', ...flags]);
      const printed = await dryRun();
      expect(printed.trimEnd()).toBe(stdout);
      expect(printed).toContain('-A KUBE-SERVICES');
    });

    describe.each(Object.entries(PRIVILEGES))('%s', (_, privileges) => {
      it.each([
        ['a fresh node', 'nft', undefined],
        ['where the kubelet uses nft', 'nft', 'nft'],
        ['where the kubelet uses legacy', 'legacy', 'legacy'],
      ] as const)('%s: programs what the dry run says, by %s', async (_, expected, kubelet) => {
        await using node = await BareNode.create(['eth0']);
        const container = { ...privileges, network: node.namespace.name };
        await node.namespace.ip(ADDRESSES.map((address) => `addr add ${address} dev eth0`));
        if (kubelet !== undefined) {
          const hint = [tool(kubelet, 'ipv4'), '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT'];
          await image.run(hint, { network: node.namespace.name });
        }

        expect(await syncOnce(image, container)).toBe(expected);

        const wanted = sections(await dryRun());
        for (const family of FAMILIES) {
          const save = await image.run([tool(expected, family, '-save')], { network: node.namespace.name });
          expect(rulesOf(save), family).toEqual(rulesOf(wanted[family]));
        }
      });
    });

    it('needs no raw sockets on the nft backend', async () => {
      await using node = await BareNode.create(['eth0']);
      const container = { network: node.namespace.name, capabilities: ['net_admin'] };
      expect(await syncOnce(image, container)).toBe('nft');
    });

    it('leaves no mount behind', async () => {
      await image.run(['true']);
      expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain('fairlead-test');
    });
  },
);

/** Starts Fairlead, ends it after its first sync of both families, and gives the backend that it chose. */
async function syncOnce(image: Image, container: ContainerOptions): Promise<Backend | undefined> {
  const fairlead = image.start([...image.entrypoint, ...FLAGS], container);
  const pending = new Set<unknown>(FAMILIES);
  const lines: string[] = [];
  let backend: Backend | undefined;
  for await (const line of fairlead) {
    lines.push(line);
    const record = line.startsWith('{') ? JSON.parse(line) : {};
    backend ??= record.backend;
    if (record.msg === 'synced' && pending.delete(record.family) && pending.size === 0)
      fairlead.kill('SIGTERM');
  }
  const { exitCode, stderr } = await fairlead;
  expect(exitCode, [...lines, stderr].join('\n')).toBe(0);
  return backend;
}

function fixture(name: string): Promise<string> {
  return readFile(join(ROOT, 'fixtures/demo', name), 'utf8');
}

/** The parts of a dry run, each of which begins with its tool. */
function sections(text: string): Readonly<Record<Family, string>> {
  const [, ipv4 = '', ipv6 = ''] = text.split(/^# ip6?tables-save$/m);
  return { ipv4, ipv6 };
}

/** Each rule with its table, and each chain of Fairlead's, sorted: their order is another in the kernel. */
function rulesOf(text: string): readonly string[] {
  let table = '';
  const found: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (line.startsWith('-A ')) found.push(`${table} ${line}`);
    else if (line.startsWith(':KUBE-') && !line.startsWith(':KUBE-IPTABLES-HINT'))
      found.push(`${table} ${line.split(' ')[0]}`);
  }
  return found.sort();
}
