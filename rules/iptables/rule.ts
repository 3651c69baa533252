import { hostCidr, parseAddress, parseCidr } from '../address.ts';

/** A rule taken apart. Each option keeps its words; the order of matches is the rule's own. */
export interface Rule {
  /** -s, -d, -i, -o and -p, which iptables-save prints first and in this order. */
  readonly base: ReadonlyMap<BaseOption, Negatable>;
  readonly matches: readonly Match[];
  readonly target: Target | undefined;
}

export interface Negatable {
  readonly value: string;
  readonly negated: boolean;
}

export interface Match {
  readonly name: string;
  readonly options: readonly Option[];
}

export interface Target {
  readonly name: string;
  /** -g instead of -j. */
  readonly goto: boolean;
  readonly options: readonly Option[];
}

/** One option of a match or target with its values; `!` before it negates it. */
export interface Option {
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly string[];
}

const BASE_OPTIONS = ['-s', '-d', '-i', '-o', '-p'] as const;
export type BaseOption = (typeof BASE_OPTIONS)[number];

const LONG_NAMES: Readonly<Record<string, BaseOption>> = {
  '--source': '-s',
  '--src': '-s',
  '--destination': '-d',
  '--dst': '-d',
  '--in-interface': '-i',
  '--out-interface': '-o',
  '--protocol': '-p',
  '--proto': '-p',
};

/**
 * Takes a rule apart, without its "-A CHAIN ". Understands iptables-save of any version and what people write.
 * @returns undefined where the text is no rule.
 */
export function parseRule(text: string): Rule | undefined {
  const words = tokenize(text);
  if (!words) return undefined;
  const base = new Map<BaseOption, Negatable>();
  const matches: { name: string; options: Option[] }[] = [];
  let target: { name: string; goto: boolean; options: Option[] } | undefined;
  let options: Option[] | undefined;
  for (let i = 0; i < words.length; ) {
    const negated = isBang(words[i]);
    if (negated) i++;
    const word = words[i++];
    if (!word || !isOption(word)) return undefined;
    const name = word.text;
    const values: string[] = [];
    for (let next = words[i]; next && !isBang(next) && !isOption(next); next = words[++i])
      values.push(next.text);
    const [value] = values;
    const baseName = LONG_NAMES[name] ?? BASE_OPTIONS.find((option) => option === name);
    if (baseName !== undefined || ['-m', '--match', '-j', '--jump', '-g', '--goto'].includes(name)) {
      if (value === undefined || values.length > 1) return undefined;
      if (baseName !== undefined) {
        base.set(baseName, { value, negated });
      } else if (name === '-m' || name === '--match') {
        options = [];
        matches.push({ name: value, options });
      } else {
        options = [];
        target = { name: value, goto: name === '-g' || name === '--goto', options };
      }
    } else if (options) {
      options.push({ name, negated, values });
    } else {
      const protocol = base.get('-p')?.value;
      if (protocol === undefined) return undefined;
      // "-p tcp --dport 80": the protocol's own match is meant.
      options = [{ name, negated, values }];
      matches.push({ name: protocol, options });
    }
  }
  return { base, matches, target };
}

/** The rule as iptables-save 1.8.9 prints it, without "-A CHAIN ". */
export function printRule(rule: Rule): string {
  const out: string[] = [];
  for (const name of BASE_OPTIONS) {
    const option = rule.base.get(name);
    if (option) out.push(`${option.negated ? '! ' : ''}${name} ${baseValue(name, option.value)}`);
  }
  for (const match of rule.matches) {
    out.push(`-m ${match.name}`, ...match.options.map((option) => printOption(match.name, option)));
  }
  if (rule.target) {
    const { name, goto, options } = rule.target;
    out.push(`${goto ? '-g' : '-j'} ${name}`, ...options.map((option) => printOption(name, option)));
  }
  return out.join(' ');
}

/** The rule in canonical spelling; undefined where it is none. */
export function canonicalRule(text: string): string | undefined {
  const rule = parseRule(text);
  return rule && printRule(rule);
}

function baseValue(name: BaseOption, value: string): string {
  if (name === '-p') return PROTOCOLS[value] ?? value;
  if (name !== '-s' && name !== '-d') return value;
  const address = parseAddress(value);
  return address ? hostCidr(address) : (parseCidr(value) ?? value);
}

const PROTOCOLS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

function printOption(owner: string, option: Option): string {
  const { name, values } = normalise(owner, option);
  const words = [name, ...values.map((value) => quote(name, value))];
  // iptables-save 1.8.9 prints two spaces here.
  if (name === '--nfacct-name') words.splice(1, 0, '');
  return `${option.negated ? '! ' : ''}${words.join(' ')}`;
}

/** Spellings of other versions, and of people, that mean the same. */
function normalise(owner: string, option: Option): Pick<Option, 'name' | 'values'> {
  const { name, values } = option;
  const [value = ''] = values;
  if (owner === 'MARK' && (name === '--set-mark' || name === '--or-mark')) {
    const [mark = '', mask] = value.split('/');
    const hex = hexadecimal(mark);
    return {
      name: '--set-xmark',
      values: [`${hex}/${name === '--or-mark' ? hex : hexadecimal(mask ?? '0xffffffff')}`],
    };
  }
  if (name === '--set-xmark' || name === '--mark')
    return { name, values: [value.split('/').map(hexadecimal).join('/')] };
  if (name === '--ctstate') return { name, values: [inOrder(value, CONNTRACK_STATES)] };
  if (name === '--probability') return { name, values: [Number(value).toFixed(11)] };
  if (name === '--nfacct-name') return { name, values: values.filter((word) => word !== '') };
  return { name, values };
}

const CONNTRACK_STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];

function inOrder(list: string, order: readonly string[]): string {
  return list
    .split(',')
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .join(',');
}

function hexadecimal(text: string): string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? `0x${number.toString(16)}` : text;
}

/** A word of a rule; one in quotes is always a value. */
interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

function isOption({ text, quoted }: Word): boolean {
  // "-1" is a value; a lone "-" is one too.
  return !quoted && /^--?[a-zA-Z]/.test(text);
}

function isBang(word: Word | undefined): boolean {
  return word?.text === '!' && !word.quoted;
}

/** Options whose values iptables-save quotes unless they are plain words (xtables_save_string). */
const TEXT_OPTIONS = new Set(['--comment', '--log-prefix', '--nflog-prefix']);

function quote(option: string, value: string): string {
  const plain = TEXT_OPTIONS.has(option) ? /^[\w-]+$/ : /^[^\s"'\\]+$/;
  return plain.test(value) || (value === '' && !TEXT_OPTIONS.has(option))
    ? value
    : `"${value.replace(/["\\']/g, '\\$&')}"`;
}

/** Words as iptables-restore splits a line; undefined where a quote is left open. */
function tokenize(text: string): Word[] | undefined {
  const words: Word[] = [];
  for (let i = 0; i < text.length; ) {
    if (text[i] === ' ') {
      i++;
      continue;
    }
    let word = '';
    let quoted = false;
    while (i < text.length && text[i] !== ' ') {
      if (text[i] !== '"') {
        word += text[i++];
        continue;
      }
      quoted = true;
      for (i++; text[i] !== '"'; i++) {
        if (i >= text.length) return undefined;
        if (text[i] === '\\') i++;
        word += text[i] ?? '';
      }
      i++;
    }
    words.push({ text: word, quoted });
  }
  return words;
}
