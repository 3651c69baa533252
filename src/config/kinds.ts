import { durationText, parseDuration } from './duration.ts';
import { parseQuantity } from './quantity.ts';
import { Refused } from './usage.ts';

/** How one sort of value is read from the command line and from a file, and written again. */
export interface Kind<T> {
  /** What help shows in place of a value. Empty: a switch, which needs none. */
  readonly placeholder: string;
  /** All values that there are, where they are few: for completion in a shell. */
  readonly choices?: readonly string[];
  /** Reads all the values that one flag was given on the command line, in order; there is at least one. */
  readonly parse: (texts: readonly string[]) => T | Refused;
  /** Reads what stands in a YAML or JSON file; never called with null. */
  readonly decode: (value: unknown) => T | Refused;
  /** What a file would have: decode(encode(value)) is the value. */
  encode(value: T): unknown;
}

export function textKind(placeholder: string): Kind<string> {
  return scalar({ placeholder, allowed: 'text', parse: (text) => text, encode: (value) => value });
}

/** Text that `parse` accepts and brings to its one spelling; it gives undefined for what `allowed` excludes. */
export function checkedTextKind<T extends string>(
  placeholder: string,
  allowed: string,
  parse: (text: string) => T | undefined,
): Kind<T> {
  return scalar({ placeholder, allowed, parse, encode: (value) => value });
}

/** One of a few words. `empty` is what the empty text means, where it means something. */
export function choiceKind<T extends string>(placeholder: string, choices: readonly T[], empty?: T): Kind<T> {
  const kind = checkedTextKind(placeholder, listing(choices), (text) =>
    text === '' && empty !== undefined ? empty : choices.find((choice) => choice === text),
  );
  return { ...kind, choices };
}

export function integerKind(min: number, max: number): Kind<number> {
  const allowed =
    max >= INT32_MAX ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
  const check = (value: number) =>
    Number.isInteger(value) && value >= min && value <= max ? value : undefined;
  return {
    placeholder: 'number',
    parse: (texts) => {
      const text = texts.at(-1) ?? '';
      const value = /^[+-]?(0|[1-9]\d*|0x[\da-f]+)$/i.test(text) ? wholeNumber(text) : Number.NaN;
      return check(value) ?? new Refused(text, allowed);
    },
    decode: (value) => (typeof value === 'number' ? check(value) : undefined) ?? new Refused(value, allowed),
    encode: (value) => value,
  };
}

export const INT32_MAX = 2 ** 31 - 1;

export function numberKind(): Kind<number> {
  const allowed = 'a number';
  return {
    placeholder: 'number',
    parse: (texts) => {
      const text = texts.at(-1) ?? '';
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : new Refused(text, allowed);
    },
    decode: (value) =>
      typeof value === 'number' && Number.isFinite(value) ? value : new Refused(value, allowed),
    encode: (value) => value,
  };
}

/** Milliseconds. `above`: the duration must be longer than 0, not just at least 0. */
export function durationKind(above?: 'above 0'): Kind<number> {
  const allowed = `a duration ${above ?? 'of at least 0'}, such as "30s" or "1h2m3s"`;
  return scalar({
    placeholder: 'duration',
    allowed,
    parse: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && (above ? ms > 0 : ms >= 0) ? ms : undefined;
    },
    encode: durationText,
  });
}

/** Milliseconds, in files also as a whole number of nanoseconds: Kubernetes' logging options have it so. */
export function flushDurationKind(): Kind<number> {
  const kind = durationKind();
  return {
    ...kind,
    decode: (value) =>
      Number.isInteger(value) && Number(value) >= 0 ? Number(value) / 1e6 : kind.decode(value),
  };
}

/** Bytes. */
export function quantityKind(): Kind<number> {
  const allowed = 'a number of bytes, such as "512", "1K", "2Ki" or "3M"';
  const kind = scalar({ placeholder: 'quantity', allowed, parse: parseQuantity, encode: String });
  return {
    ...kind,
    decode: (value) => (typeof value === 'number' ? kind.decode(String(value)) : kind.decode(value)),
  };
}

/** True or false, on the command line in the spellings of Go's strconv.ParseBool. */
export function switchKind(): Kind<boolean> {
  return {
    placeholder: '',
    parse: (texts) => {
      const text = texts.at(-1) ?? '';
      if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
      if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
      return new Refused(text, 'true or false');
    },
    decode: (value) => (typeof value === 'boolean' ? value : new Refused(value, 'true or false')),
    encode: (value) => value,
  };
}

/** A list: on the command line separated by commas, and a flag that comes again adds to it. */
export function listKind<T>(item: Kind<T>, plural: string): Kind<readonly T[]> {
  const all = (values: readonly unknown[], read: (value: unknown) => T | Refused, indexed: boolean) => {
    const items: T[] = [];
    for (const [index, value] of values.entries()) {
      const result = read(value);
      if (result instanceof Refused) {
        return new Refused(result.value, result.allowed, indexed ? `[${index}]` : '');
      }
      items.push(result);
    }
    return items;
  };
  return {
    placeholder: `${item.placeholder},...`,
    parse: (texts) => {
      const words = texts.filter((text) => text !== '').flatMap((text) => text.split(','));
      return all(words, (word) => item.parse([String(word).trim()]), false);
    },
    decode: (value) =>
      Array.isArray(value) ? all(value, item.decode, true) : new Refused(value, `a list of ${plural}`),
    encode: (values) => values.map((value) => item.encode(value)),
  };
}

/** Every time the flag comes adds one text, commas and all. */
export function repeatedKind(placeholder: string): Kind<readonly string[]> {
  const allowed = 'a list of texts';
  return {
    placeholder,
    parse: (texts) => texts.filter((text) => text !== ''),
    decode: (value) =>
      Array.isArray(value) && value.every((entry) => typeof entry === 'string')
        ? value
        : new Refused(value, allowed),
    encode: (values) => values,
  };
}

/** "a", "a or b", "a, b or c". */
export function listing(words: readonly string[], last: 'or' | 'and' = 'or'): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

/** What is written as one text. On the command line the last one counts. */
function scalar<T>(options: {
  placeholder: string;
  allowed: string;
  parse: (text: string) => T | undefined;
  encode: (value: T) => unknown;
}): Kind<T> {
  const parse = (text: string) => options.parse(text) ?? new Refused(text, options.allowed);
  return {
    placeholder: options.placeholder,
    parse: (texts) => parse(texts.at(-1) ?? ''),
    decode: (value) => (typeof value === 'string' ? parse(value) : new Refused(value, options.allowed)),
    encode: options.encode,
  };
}

function wholeNumber(text: string): number {
  const digits = text.replace(/^[+-]/, '');
  return text.startsWith('-') ? -Number(digits) : Number(digits);
}
