import type { NftErrorKind } from './nftables.ts';

/** The table that transactions are tried on. */
export const START = `add table ip t
add set ip t s { type ipv4_addr ; size 65535 ; flags dynamic,timeout ; timeout 2s ; }
add chain ip t e
add chain ip t c
add chain ip t d
add map ip t m { type ipv4_addr . inet_proto . inet_service : verdict ; }
add rule ip t e update @s { ip saddr }
add rule ip t c numgen random mod 1 vmap { 0 : goto e }
add element ip t m { 192.0.2.1 . tcp . 80 comment "x y" : goto c }
`;

/** Transactions, and how the kernel refuses them. */
export const ROWS: readonly (readonly [what: string, payload: string, refused: NftErrorKind | undefined])[] =
  [
    [
      'an element and then its chain',
      'delete element ip t m { 192.0.2.1 . tcp . 80 }\ndelete chain ip t c\n',
      undefined,
    ],
    ['a chain that an element leads to', 'delete chain ip t c\n', 'busy'],
    ['a chain that a rule leads to', 'delete chain ip t e\n', 'busy'],
    ['a chain that a flushed rule led to', 'flush chain ip t c\ndelete chain ip t e\n', undefined],
    ['a set that a rule uses', 'delete set ip t s\n', 'busy'],
    ['a set that a flushed rule used', 'flush chain ip t e\ndelete set ip t s\n', undefined],
    ['an element with another verdict', 'add element ip t m { 192.0.2.1 . tcp . 80 : goto d }\n', 'exists'],
    [
      'the same verdict with another comment',
      'add element ip t m { 192.0.2.1 . tcp . 80 comment "z" : goto c }\n',
      undefined,
    ],
    [
      'an element for another verdict of the same key',
      'delete element ip t m { 192.0.2.1 . tcp . 80 }\nadd element ip t m { 192.0.2.1 . tcp . 80 : goto d }\n',
      undefined,
    ],
    ['an element that is not there', 'delete element ip t m { 192.0.2.2 . tcp . 80 }\n', 'missing'],
    ['a chain that is not there', 'flush chain ip t x\n', 'missing'],
    ['a rule to a chain that is not there', 'add rule ip t d goto x\n', 'missing'],
    ['a rule to a set that is not there', 'add rule ip t d ip saddr @x accept\n', 'missing'],
    [
      'an element to a chain that is not there',
      'add element ip t m { 192.0.2.2 . tcp . 80 : goto x }\n',
      'missing',
    ],
    ['what is nobody’s language', 'add chian ip t q\n', 'syntax'],
    [
      'a table that is replaced',
      'add table ip t\ndelete table ip t\nadd table ip t\nadd chain ip t q\n',
      undefined,
    ],
    ['something behind a rule', 'add rule ip t c index 0 accept\n', undefined],
    ['something behind a rule that is not there', 'add rule ip t c index 1 accept\n', 'missing'],
  ];
