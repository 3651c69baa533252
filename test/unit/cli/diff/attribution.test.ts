import { describe, expect, it } from 'vitest';
import { corpusCases } from '../../../lab/corpus.ts';
import { compareCase, differing, dump, linesIn } from './comparison.ts';

const CASES = await corpusCases();
const DUAL_STACK = CASES.find(({ name }) => name === 'dual-stack') ?? expect.fail('a case is missing');

/** Makes an edit of one dump of the case. */
function inFile(name: string, edit: (text: string) => string) {
  return (file: string, text: string): string => {
    if (file !== name) return text;
    const edited = edit(text);
    if (edited === text) throw new Error(`nothing was edited in ${file}`);
    return edited;
  };
}

describe('iptables mode', () => {
  const edited = (edit: (text: string) => string) =>
    compareCase(DUAL_STACK, 'iptables', inFile('iptables-save.txt', edit));

  it('an edited rule is shown as it is and as it should be, with its Service', async () => {
    const rule = (port: number) =>
      `-A KUBE-SERVICES -d 10.96.19.1/32 -p tcp -m comment --comment "default/prefer:http cluster IP" -m tcp --dport ${port} -j KUBE-SVC-JLPY6K3BYINW6LP5`;
    const compared = await edited((text) => text.replace(rule(80), rule(81)));
    expect(differing(compared)).toEqual(['ipv4 default/prefer:http/tcp changed']);
    expect(linesIn(compared)).toEqual([`- ${rule(81)}`, `+ ${rule(80)}`]);
  });

  it('a rule in a chain of a Service stands alone: what stays is not shown', async () => {
    const compared = await edited((text) => text.replace('--probability 0.50000000000', '--probability 0.9'));
    expect(linesIn(compared)).toEqual([
      expect.stringMatching(/^- -A KUBE-SVC-JLPY6K3BYINW6LP5 .*--probability 0.9/),
      expect.stringMatching(/^\+ -A KUBE-SVC-JLPY6K3BYINW6LP5 .*--probability 0.50000000000/),
    ]);
  });

  it('chains of a Service that is gone are its own, those without comments too', async () => {
    const compared = await edited((text) =>
      text.replace(
        /COMMIT\n$/,
        `:KUBE-SVC-QQQQQQQQQQQQQQQQ - [0:0]
:KUBE-SEP-RRRRRRRRRRRRRRRR - [0:0]
-A KUBE-SVC-QQQQQQQQQQQQQQQQ -j KUBE-SEP-RRRRRRRRRRRRRRRR
-A KUBE-SEP-RRRRRRRRRRRRRRRR -p udp -m udp -j DNAT --to-destination 10.244.9.9:53
-A KUBE-SERVICES -d 10.96.9.9/32 -p udp -m comment --comment "old/dns cluster IP" -m udp --dport 53 -j KUBE-SVC-QQQQQQQQQQQQQQQQ
COMMIT
`,
      ),
    );
    // Behind the closing rule, so that the chain is in disorder besides.
    expect(differing(compared)).toEqual(['ipv4 (base) changed', 'ipv4 old/dns/udp extra']);
    expect(linesIn(compared).filter((line) => line.startsWith('-'))).toHaveLength(5);
  });

  it('a chain that leads nowhere and says nothing is of unknown origin', async () => {
    const compared = await edited((text) =>
      text.replace(/COMMIT\n$/, ':KUBE-SEP-RRRRRRRRRRRRRRRR - [0:0]\nCOMMIT\n'),
    );
    expect(differing(compared)).toEqual(['ipv4 unknown extra']);
    expect(linesIn(compared)).toEqual(['- :KUBE-SEP-RRRRRRRRRRRRRRRR']);
  });

  it('the order of dispatch rules, counters and other people’s rules make no difference', async () => {
    const compared = await edited((text) => {
      const lines = text.split('\n');
      const dispatch = lines.filter((line) => line.startsWith('-A KUBE-SERVICES -d'));
      const reversed = [...dispatch].reverse();
      return lines
        .map((line) => (dispatch.includes(line) ? (reversed.pop() ?? '') : line))
        .map((line, i) => (line.startsWith('-A') ? `[${i}:${i * 60}] ${line}` : line))
        .join('\n')
        .replace('*nat\n', '*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*nat\n:CNI-HOSTPORT-DNAT - [0:0]\n')
        .replace('[0:0]\n[', '[12:34]\n[');
    });
    expect(linesIn(compared)).toEqual([]);
  });

  it('nor do the comments that come and go with the size of the cluster', async () => {
    const compared = await edited((text) =>
      text.replace(/^(-A KUBE-(?:SEP|SVC)-\S+ (?!.*-d ).*?)-m comment --comment "[^"]*" /gm, '$1'),
    );
    expect(linesIn(compared)).toEqual([]);
  });

  it('a rule that stands twice in a shared chain is noted', async () => {
    const compared = await edited((text) => text.replace(/^(-A KUBE-SERVICES -d .*)$/m, '$1\n$1'));
    expect(compared.families[0]?.groups[0]?.objects[0]?.note).toContain('rules twice');
  });
});

describe('nftables mode', () => {
  const edited = (edit: (text: string) => string) =>
    compareCase(DUAL_STACK, 'nftables', inFile('nftables.txt', edit));

  it('an element that leads elsewhere differs for the Service that it should lead to', async () => {
    const compared = await edited((text) =>
      text.replace(
        '10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https',
        '10.96.0.1 . tcp . 443 : drop',
      ),
    );
    expect(differing(compared)).toEqual(['ipv4 default/kubernetes:https/tcp changed']);
    expect(linesIn(compared)).toEqual([
      '- element service-ips { 10.96.0.1 . tcp . 443 : drop }',
      '+ element service-ips { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https }',
    ]);
  });

  it('what is left of a Service that is gone is its own, its addresses too', async () => {
    const compared = await edited((text) =>
      text
        .replace('elements = { 10.96.0.1, ', 'elements = { 10.96.9.9, 10.96.0.1, ')
        .replace(
          'elements = { 10.96.19.1 . tcp',
          'elements = { 10.96.9.9 . tcp . 80 : goto service-QQQQQQQQ-old/web/tcp/, 10.96.19.1 . tcp',
        )
        .replace(
          '\tchain reject-chain',
          '\tchain service-QQQQQQQQ-old/web/tcp/ {\n\t\tmeta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 10.244.0.9 . 80 }\n\t}\n\n\tchain reject-chain',
        )
        .replace(
          'elements = { 10.244.0.5 . 10.244.0.5',
          'elements = { 10.244.0.9 . 10.244.0.9 . tcp . 80, 10.244.0.5 . 10.244.0.5',
        ),
    );
    expect(differing(compared)).toEqual(['ipv4 old/web/tcp extra']);
    expect(linesIn(compared).filter((line) => line.startsWith('-'))).toHaveLength(5);
  });

  it('a table that is switched off is said to be', async () => {
    const compared = await edited((text) =>
      text.replace('table ip kube-proxy {\n', 'table ip kube-proxy {\n\tflags dormant\n'),
    );
    expect(differing(compared)).toEqual(['ipv4 (base) changed']);
    expect(compared.families[0]?.groups[0]?.objects[0]?.note).toContain('switched off');
  });
});

describe('ipvs mode', () => {
  const edited = (edit: (text: string) => string) =>
    compareCase(DUAL_STACK, 'ipvs', inFile('ipvs/ipvsadm.txt', edit));

  it('a server in place of another is shown, one that drains is not', async () => {
    const line = (server: string, weight: number) => `-a -t 10.96.19.1:80 -r ${server}:8080 -m -w ${weight}`;
    const compared = await edited((text) =>
      text.replace(line('10.244.0.5', 1), `${line('10.244.0.98', 1)}\n${line('10.244.0.99', 0)}`),
    );
    expect(differing(compared)).toEqual(['ipv4 default/prefer:http/tcp changed']);
    expect(linesIn(compared).toSorted()).toEqual([
      `+ ${line('10.244.0.5', 1)}`,
      `- ${line('10.244.0.98', 1)}`,
    ]);
  });

  it('entries that a Service should not have are its own', async () => {
    const compared = await compareCase(
      DUAL_STACK,
      'ipvs',
      inFile(
        'ipvs/ipset.txt',
        (text) =>
          `${text}add KUBE-LOAD-BALANCER 10.96.0.1,tcp:443\nadd KUBE-NODE-PORT-LOCAL-TCP 31902\nadd KUBE-LOOP-BACK 10.244.1.6,tcp:8080,10.244.1.6\n`,
      ),
    );
    expect(differing(compared)).toEqual([
      'ipv4 default/kubernetes:https/tcp changed',
      'ipv4 default/prefer:http/tcp changed',
      'ipv4 default/require-v6-first:http/tcp changed',
    ]);
  });

  it('a chain that holds a rule twice is noted', async () => {
    const compared = await compareCase(
      DUAL_STACK,
      'ipvs',
      inFile('ipvs/iptables-save.txt', (text) => {
        const rule = '-A KUBE-IPVS-OUT-FILTER -d 10.96.7.7/32 -j REJECT';
        return text.replace(/^(-A KUBE-MARK-MASQ|COMMIT)/m, `${rule}\n${rule}\n$1`);
      }),
    );
    const notes = compared.families.flatMap(({ groups }) => groups.flatMap(({ objects }) => objects));
    expect(notes.map(({ note }) => note).join()).toContain('rules twice');
  });

  it('virtual servers of nobody are told by address', async () => {
    const compared = await edited((text) => `${text}-A -t 10.96.0.1:81 -s rr\n`);
    expect(differing(compared)).toEqual(['ipv4 default/kubernetes at 10.96.0.1 extra']);
    expect(linesIn(compared)).toEqual(['- -A -t 10.96.0.1:81 -s rr']);
  });
});

it('a dump of which the dumps of the other family are missing is compared for one family', async () => {
  const compared = await compareCase(DUAL_STACK, 'iptables', (file, text) =>
    file.startsWith('ip6') ? '' : text,
  );
  expect(compared.families.map(({ family }) => family)).toEqual(['ipv4']);
});

it.each([
  ['iptables', ['iptables-save.txt', 'ip6tables-save.txt']],
  ['nftables', ['nftables.txt', 'nftables6.txt']],
] as const)('%s mode: one text may hold what several tools print', async (mode, files) => {
  const all = files.map((file) => dump(DUAL_STACK, file)).join('');
  const compared = await compareCase(DUAL_STACK, mode, (file) => (file === files[0] ? all : ''));
  expect(compared.families.map(({ family }) => family)).toEqual(['ipv4', 'ipv6']);
  expect(differing(compared)).toEqual([]);
});
