import { describe, expect, test } from 'vitest';
import { readObjects } from '../../../src/cluster/files.ts';
import { UsageError } from '../../../src/config/usage.ts';

interface Read {
  /** `Kind name` of each object. */
  readonly names: readonly string[];
  readonly warnings: readonly string[];
}

function read(text: string): Read {
  const warnings: string[] = [];
  const names = readObjects(text, 'cluster.yaml', (message) => warnings.push(message)).map(
    ({ kind, object }) => {
      const { metadata } = object as { metadata?: { name?: unknown } };
      return `${kind} ${metadata?.name}`;
    },
  );
  return { names, warnings };
}

/** What the text is refused with. */
function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return expect.fail('the text was accepted');
}

const object = (apiVersion: string, kind: string, name: string) => ({ apiVersion, kind, metadata: { name } });
const json = (value: unknown) => JSON.stringify(value);

describe('objects', () => {
  test.each([
    ['v1', 'Service', ['Service x']],
    ['v1', 'Endpoints', ['Endpoints x']],
    ['v1', 'Node', ['Node x']],
    ['discovery.k8s.io/v1', 'EndpointSlice', ['EndpointSlice x']],
    ['networking.k8s.io/v1', 'ServiceCIDR', ['ServiceCIDR x']],
    ['networking.k8s.io/v1beta1', 'ServiceCIDR', ['ServiceCIDR x']],
    ['discovery.k8s.io/v1beta1', 'EndpointSlice', []],
    ['serving.knative.dev/v1', 'Service', []],
    ['v1', 'Pod', []],
    ['v1', 'service', []],
    ['example.com/v1', 'AllowList', []],
    ['v1', 'constructor', []],
  ])('%s %s', (apiVersion, kind, names) => {
    expect(read(json(object(apiVersion, kind, 'x')))).toEqual({ names, warnings: [] });
    expect(read(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x }\n`)).toEqual({
      names,
      warnings: [],
    });
  });

  test('come as they are, whatever is in them', () => {
    const odd = { ...object('v1', 'Service', 'x'), spec: [null, { ports: 'none' }] };
    expect(readObjects(json(odd), 'cluster.json', expect.fail)).toEqual([{ kind: 'Service', object: odd }]);
  });

  test('without kind or version are told', () => {
    expect(read('metadata: {}\n---\nkind: Node\n---\nkind: []\napiVersion: v1\n')).toEqual({
      names: [],
      warnings: [
        'cluster.yaml:1: kind is missing; the object is ignored',
        'cluster.yaml:3: apiVersion is missing; the Node is ignored',
        'cluster.yaml:5: kind must be text: current value is a list; the object is ignored',
      ],
    });
  });
});

describe('lists', () => {
  const [one, two] = [object('v1', 'Service', 'one'), object('v1', 'Node', 'two')];

  test('of anything, in lists, in order', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [one, { apiVersion: 'v1', kind: 'List', items: [two] }, one],
    };
    expect(read(json(list)).names).toEqual(['Service one', 'Node two', 'Service one']);
  });

  test('of one kind give it to their items, and their version', () => {
    const items = [{ metadata: { name: 'one' } }, { apiVersion: 'v2', metadata: { name: 'other' } }, two];
    expect(read(json({ apiVersion: 'v1', kind: 'ServiceList', items })).names).toEqual([
      'Service one',
      'Node two',
    ]);
    expect(
      read(json({ apiVersion: 'apps/v1', kind: 'ServiceList', items: items.slice(0, 1) })).names,
    ).toEqual([]);
  });

  test('of other kinds are not looked into', () => {
    expect(read(json({ apiVersion: 'v1', kind: 'PodList', items: [5, one] }))).toEqual({
      names: [],
      warnings: [],
    });
  });

  test('lose an item that is none', () => {
    expect(read(json({ apiVersion: 'v1', kind: 'List', items: [one, 'x', null, [], two] }))).toEqual({
      names: ['Service one', 'Node two'],
      warnings: [
        'cluster.yaml:1: items[1] must be an object: current value is a string; it is ignored',
        'cluster.yaml:1: items[2] must be an object: current value is null; it is ignored',
        'cluster.yaml:1: items[3] must be an object: current value is a list; it is ignored',
      ],
    });
  });

  test('without items are empty', () => {
    expect(read('{"kind":"List","items":null}')).toEqual({ names: [], warnings: [] });
    expect(read('{"kind":"ServiceList"}')).toEqual({ names: [], warnings: [] });
  });

  test('a hundred deep, and no deeper', () => {
    const nested = (depth: number) =>
      `${'{"kind":"List","items":['.repeat(depth)}${json(one)}${']}'.repeat(depth)}`;
    expect(read(nested(100)).names).toEqual(['Service one']);
    expect(refusal(nested(101))).toBe('cluster.yaml:1: Lists must not be nested more than 100 deep');
    expect(refusal(nested(100_000))).toBe('cluster.yaml:1: Lists must not be nested more than 100 deep');
  });
});

describe('documents', () => {
  const [one, two] = ['one', 'two'].map(
    (name) => `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\n`,
  );

  test.each([
    ['several', `${one}---\n${two}`],
    ['with nothing between them', `---\n---\n${one}---\n# nothing\n---\n...\n---\n${two}...\n`],
    ['with Windows line ends', `${one}---\n${two}`.replaceAll('\n', '\r\n')],
    [
      'in JSON, one after the other',
      `${json(object('v1', 'Service', 'one'))}\n${json(object('v1', 'Service', 'two'))}`,
    ],
    [
      'in JSON, one behind the other',
      json(object('v1', 'Service', 'one')) + json(object('v1', 'Service', 'two')),
    ],
    ['in both', `${json(object('v1', 'Service', 'one'))}\n---\n${two}`],
  ])('%s', (_, text) => {
    expect(read(text)).toEqual({ names: ['Service one', 'Service two'], warnings: [] });
  });

  test.each([
    ['empty', ''],
    ['white space', ' \n\n'],
    ['a comment', '# nothing\n'],
    ['null', 'null\n'],
  ])('that are %s hold nothing', (_, text) => {
    expect(read(text)).toEqual({ names: [], warnings: [] });
  });

  test.each([
    [
      'text',
      'Unable to connect',
      'cluster.yaml:1: a document must be a Kubernetes object: current value is a string',
    ],
    ['a list', '[{}]', 'cluster.yaml:1: a document must be a Kubernetes object: current value is a list'],
    [
      'a number',
      `${one}---\n\n5`,
      'cluster.yaml:6: a document must be a Kubernetes object: current value is a number',
    ],
  ])('that are %s are refused', (_, text, message) => {
    expect(refusal(text)).toBe(message);
  });
});

describe('YAML', () => {
  test('an alias is what it names, a merge key what it merges', () => {
    const text = `kind: List
items:
  - &one { apiVersion: v1, kind: Service, metadata: { name: one } }
  - *one
  - <<: *one
    kind: Node
`;
    expect(read(text).names).toEqual(['Service one', 'Service one', 'Node one']);
  });

  test('aliases that stand for more than memory holds are refused before anything is built', () => {
    const anchors = [...'bcdefghijklmnopqrstuvwxyz'].map((name, i) => {
      const before = 'abcdefghijklmnopqrstuvwxyz'[i];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`;
    });
    const before = process.memoryUsage.rss();
    expect(refusal(['a: &a [x]', ...anchors, 'kind: *z'].join('\n'))).toMatch(
      /^cluster\.yaml:\d: with \*\w the aliases of the file stand for more than 1000000 values$/,
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
  });

  test('many small aliases are no bomb', () => {
    const services = Array.from({ length: 2000 }, (_, i) => `  - { metadata: { name: s${i} }, spec: *spec }`);
    const text = `apiVersion: v1\nkind: ServiceList\nspec: &spec { ports: [{ port: 80 }] }\nitems:\n${services.join('\n')}`;
    expect(read(text).names).toHaveLength(2000);
  });

  test.each([
    ['&a [*a]', 1],
    ['kind: List\nitems: &a\n  - { kind: List, items: *a }', 3],
    ['a: &a\n  b: &b\n    - [*b]', 3],
  ])('an alias of what it is in is refused: %j', (text, line) => {
    expect(refusal(text)).toMatch(
      new RegExp(`^cluster\\.yaml:${line}: \\*\\w is an alias of the value that it is part of$`),
    );
  });

  test('an anchor may be used again, and ends with its document', () => {
    const service = (spec: string) => `apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: ${spec}\n`;
    expect(read(`${service('{ a: &a [1], b: &a [2], c: *a }')}---\n${service('&a {}')}`).names).toHaveLength(
      2,
    );
    expect(refusal(`${service('&a {}')}---\n${service('*a')}`)).toBe(
      'cluster.yaml:9:8: unidentified alias "a"',
    );
  });

  test('a template that was not filled in is refused where it is', () => {
    expect(refusal('kind: Service\nmetadata:\n  name: {{ .Values.name }}\n')).toBe(
      'cluster.yaml:3: a key must be text: this may be an unfilled template',
    );
    expect(refusal('? [a, b]\n: c\n')).toMatch(/^cluster\.yaml:1: a key must be text/);
  });

  test.each([
    ['kind: Service\n  name: x\n', /^cluster\.yaml:2:7: /],
    ['kind: "Service\n', /^cluster\.yaml:2:1: /],
    ['a:\n\tb: c\n', /^cluster\.yaml:2:1: tab/],
    ['a: 1\na: 2\n', /^cluster\.yaml:2:1: duplicated mapping key$/],
    ['{\n "a": 1,\n "b" 2\n}', /^cluster\.yaml:3:\d: /],
    ['{\n "a": [', /^cluster\.yaml:2:8: /],
    ['{} }', /^cluster\.yaml:1:4: /],
    [`${'['.repeat(200)}${']'.repeat(200)}`.replace('[', 'a: ['), /^cluster\.yaml:1:\d+: nesting/],
    ['a: !!js/function "x"', /^cluster\.yaml:1:4: unknown/],
    ['a: \u0007', /^cluster\.yaml:1:4: /],
  ])('that does not parse is refused with its line: %j', (text, message) => {
    expect(refusal(text)).toMatch(message);
  });
});
