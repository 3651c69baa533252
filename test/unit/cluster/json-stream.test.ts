import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListStream, ObjectStream } from '../../../src/cluster/json-stream.ts';

const TRANSCRIPTS = new URL('../../../fixtures/api-transcripts/', import.meta.url);

/** Keys and texts that look like structure, and characters of one to four bytes. */
const trickyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"items":[', '{', '}', '[', ']', '\\', '\\"', '"', 'items', 'ü', '€', '𝄞', '\n'),
);
/** Without backslashes: V8 13.6 takes the key "\n" for the key "\\" where it expects that one. */
const trickyKey = trickyText.filter((key) => !key.includes('\\'));
const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, trickyText, fc.integer(), fc.constant(null), tie('object'), tie('array')),
  object: fc.dictionary(trickyKey, tie('value'), { maxKeys: 4 }),
  array: fc.array(tie('value'), { maxLength: 4 }),
}));
const object = json.object as fc.Arbitrary<Record<string, unknown>>;

function chunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((cut) => Math.floor(cut * bytes.length)))].sort((a, b) => a - b);
  const starts = [0, ...ends];
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length));
}

const cutsAnywhere = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 12 });
const separator = fc.constantFrom('\n', '', ' \r\n');

describe('ObjectStream', () => {
  it('gives every object of a watch, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 6 }), separator, cutsAnywhere, (objects, between, cuts) => {
        const got: unknown[] = [];
        const stream = new ObjectStream((value) => got.push(value));
        const text = objects.map((value) => JSON.stringify(value) + between).join('');
        for (const chunk of chunks(Buffer.from(text), cuts)) stream.push(chunk);
        expect(got).toEqual(JSON.parse(`[${objects.map((value) => JSON.stringify(value)).join()}]`));
        expect(stream.end()).toBe(true);
      }),
    );
  });

  it('gives an object with its last byte, not later', () => {
    const got: unknown[] = [];
    const stream = new ObjectStream((value) => got.push(value));
    stream.push(Buffer.from('{"name":"gr'));
    stream.push(Buffer.from([0xc3]));
    stream.push(Buffer.from([0xbc]));
    stream.push(Buffer.from('n"'));
    expect(got).toEqual([]);
    stream.push(Buffer.from('}'));
    expect(got).toEqual([{ name: 'grün' }]);
  });

  it('knows when a watch ended in the middle of an object', () => {
    const stream = new ObjectStream(() => {});
    stream.push(Buffer.from('{"type":"ADDED"}\n{"type":"MOD'));
    expect(stream.end()).toBe(false);
  });

  it.each([
    ['a page of a proxy', '<html>Bad gateway</html>', 'no JSON: "<html>Bad gateway</html>"'],
    ['a closing brace too many', '{}}', 'no JSON: "}"'],
    ['an object that does not parse', '{"a":nope}', 'JSON that does not parse'],
  ])('refuses %s', (_, text, message) => {
    const stream = new ObjectStream(() => {});
    expect(() => stream.push(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'protocol', message: expect.stringContaining(message) }),
    );
  });
});

describe('ListStream', () => {
  const list = fc.record({
    before: object,
    items: fc.array(object, { maxLength: 6 }),
    after: object,
    space: fc.constantFrom(undefined, 2),
  });

  it('gives every item and the rest of the list, wherever it is cut', () => {
    fc.assert(
      fc.property(list, cutsAnywhere, ({ before, items, after, space }, cuts) => {
        const whole = { kind: 'List', before, items, after };
        const got: unknown[] = [];
        const stream = new ListStream((item) => got.push(item));
        for (const chunk of chunks(Buffer.from(JSON.stringify(whole, undefined, space)), cuts))
          stream.push(chunk);
        expect(stream.end()).toEqual(JSON.parse(JSON.stringify({ ...whole, items: [] })));
        expect(got).toEqual(JSON.parse(JSON.stringify(items)));
      }),
    );
  });

  it('takes a list without items', () => {
    const stream = new ListStream(() => expect.unreachable());
    stream.push(Buffer.from('{"kind":"NodeList","metadata":{"resourceVersion":"7"},"items":null}\n'));
    expect(stream.end()).toMatchObject({ metadata: { resourceVersion: '7' }, items: null });
  });

  it.each(['', '{"items":[{"a":1},{"b"', '{"items":[{"a":1}]'])(
    'says that the list broke off after %j',
    (text) => {
      const stream = new ListStream(() => {});
      stream.push(Buffer.from(text));
      expect(() => stream.end()).toThrow(expect.objectContaining({ code: 'unreachable' }));
    },
  );
});

describe('what a real API server sent', () => {
  const bodies = readdirSync(TRANSCRIPTS)
    .filter((name) => /^(watch|list)/.test(name))
    .map((name) => ({ name, body: bodyOf(readFileSync(new URL(name, TRANSCRIPTS))) }));

  it.each(bodies.filter(({ name }) => name.startsWith('watch')))(
    '$name, in chunks of 7 bytes',
    ({ body }) => {
      const got: unknown[] = [];
      const stream = new ObjectStream((value) => got.push(value));
      for (let at = 0; at < body.length; at += 7) stream.push(body.subarray(at, at + 7));
      const lines = body.toString().split('\n').filter(Boolean);
      expect(got).toEqual(lines.map((line) => JSON.parse(line)));
      expect(stream.end()).toBe(true);
    },
  );

  it.each(bodies.filter(({ name }) => name.startsWith('list')))('$name, in chunks of 7 bytes', ({ body }) => {
    const got: unknown[] = [];
    const stream = new ListStream((item) => got.push(item));
    for (let at = 0; at < body.length; at += 7) stream.push(body.subarray(at, at + 7));
    const whole = JSON.parse(body.toString()) as { items: unknown[] };
    expect(stream.end()).toEqual({ ...whole, items: [] });
    expect(got).toEqual(whole.items);
  });
});

/** The body of a recorded exchange, without the lines of its chunks. */
function bodyOf(exchange: Buffer): Buffer {
  const text = exchange.toString('latin1');
  const response = text.slice(text.indexOf('HTTP/1.1'));
  const [head = ''] = response.split(/\r?\n\r?\n/, 1);
  const raw = response.slice(head.length).replace(/^(\r?\n){2}/, '');
  if (!/transfer-encoding: chunked/i.test(head)) return Buffer.from(raw, 'latin1');
  const parts: string[] = [];
  let rest = raw;
  for (;;) {
    const size = /^([0-9a-f]+)\r?\n/i.exec(rest);
    const length = Number.parseInt(size?.[1] ?? '0', 16);
    if (size === null || length === 0) return Buffer.from(parts.join(''), 'latin1');
    rest = rest.slice(size[0].length);
    parts.push(rest.slice(0, length));
    rest = rest.slice(length).replace(/^\r?\n/, '');
  }
}
