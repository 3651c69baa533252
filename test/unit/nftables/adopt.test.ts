import { describe, expect, it } from 'vitest';
import { adoptTable, DRIFT, programmedFragment, tableComment } from '../../../rules/nftables/adopt.ts';

function table(body: string, head = ''): string {
  return `table ip kube-proxy {${head}\n\tcomment "rules for kube-proxy"\n${body}}\n`;
}

describe('a listed table', () => {
  it('that is not there has nothing', () => {
    expect(adoptTable('')).toEqual(new Map());
  });

  it('has chains with their rules, sets with their properties, and elements for themselves', () => {
    const listing = table(`\tmap service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		comment "a, b"
		elements = { 10.96.0.1 . tcp . 80 : goto a,
			     10.96.0.2 . tcp . 80 comment "x, y: z" : goto reject-chain }
	}

	chain a {
		type filter hook input priority filter; policy accept;
		drop
	}

	chain empty {
	}
`);
    expect(adoptTable(listing)).toEqual(
      new Map([
        ['table', ''],
        ['map service-ips', 'type ipv4_addr . inet_proto . inet_service : verdict\ncomment "a, b"'],
        ['element service-ips 10.96.0.1 . tcp . 80', ': goto a'],
        ['element service-ips 10.96.0.2 . tcp . 80', 'comment "x, y: z" : goto reject-chain'],
        ['chain a', 'type filter hook input priority filter; policy accept;\ndrop'],
        ['chain empty', ''],
      ]),
    );
  });

  it('does not tell which clients session affinity remembers', () => {
    const listing = table(`\tset affinity-a {
		type ipv4_addr
		size 65535	# count 2
		flags dynamic,timeout
		timeout 3h
		elements = { 192.0.2.1 expires 2h59m58s, 192.0.2.2 timeout 1m expires 5s }
	}
`);
    expect(adoptTable(listing)).toEqual(
      new Map([
        ['table', ''],
        ['set affinity-a', 'type ipv4_addr\nsize 65535\nflags dynamic,timeout\ntimeout 3h'],
      ]),
    );
  });

  it('leaves kinds of objects out that Fairlead never makes, and lines that are for people', () => {
    const listing = table(`\tcounter hits {
		packets 0 bytes 0
	}

	flowtable fast {
		hook ingress priority filter
		devices = { eth0 }
	}
`);
    expect(adoptTable(`# Warning: something\n${listing}`)).toEqual(new Map([['table', '']]));
  });

  it('that is switched off can only be replaced', () => {
    const listing = 'table ip kube-proxy {\n\tflags dormant\n\tcomment "rules for kube-proxy"\n}\n';
    expect(adoptTable(listing)).toEqual(new Map([['table', DRIFT]]));
  });

  it('has the highest bit of a mark as compilers spell it', () => {
    const listing = table('\tchain masquerading {\n\t\tmeta mark != 0x00000000/1 masquerade\n\t}\n');
    expect(adoptTable(listing).get('chain masquerading')).toBe(
      'meta mark & 0x80000000 != 0x00000000 masquerade',
    );
  });

  it('has priorities of the output hook as numbers, whatever the version of nft', () => {
    const listing = table(`\tchain filter-output-pre-dnat {
		type filter hook output priority dstnat - 10; policy accept;
	}

	chain nat-output {
		type nat hook output priority dstnat; policy accept;
	}

	chain nat-prerouting {
		type nat hook prerouting priority dstnat; policy accept;
	}
`);
    expect([...adoptTable(listing).values()].slice(1)).toEqual([
      'type filter hook output priority -110; policy accept;',
      'type nat hook output priority -100; policy accept;',
      'type nat hook prerouting priority dstnat; policy accept;',
    ]);
  });
});

it('the comment of a table is told from those of others', () => {
  expect(tableComment(table(''))).toBe('rules for kube-proxy');
  expect(tableComment(table('', ' # progname nft'))).toBe('rules for kube-proxy');
  expect(tableComment('table ip kube-proxy {\n\tflags dormant\n\tcomment "mine"\n}\n')).toBe('mine');
  expect(
    tableComment('table ip kube-proxy {\n\tset a {\n\t\tcomment "of the set"\n\t}\n}\n'),
  ).toBeUndefined();
  expect(tableComment('')).toBeUndefined();
});

it('what a refused fragment would replace is there with all that it leads to', () => {
  const ledger = new Map([
    ['element service-ips k', ': goto external-a'],
    ['chain external-a', 'meta mark set meta mark | 0x00004000 comment "masquerade"\ngoto service-a'],
    [
      'chain service-a',
      'ip saddr @affinity-a goto endpoint-a\nnumgen random mod 1 vmap { 0 : goto endpoint-a }',
    ],
    ['chain endpoint-a', 'update @affinity-a { ip saddr }'],
    ['set affinity-a', 'type ipv4_addr'],
    ['chain service-b', 'drop'],
  ]);
  const fragment = [{ key: 'element service-ips k', text: ': goto new' }];
  const found = programmedFragment(fragment, ledger).map(({ key }) => key);
  expect(found.sort()).toEqual([...ledger.keys()].filter((key) => key !== 'chain service-b').sort());
});
