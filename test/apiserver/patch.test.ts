import { describe, expect, test } from 'vitest';
import { jsonPatch, mergePatch } from './patch.ts';
import { strategicMerge } from './strategic-merge.ts';

describe('merge patch', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: ['c', 'd'] }, { a: ['c', 'd'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: ['b'] }, { a: { b: { c: null } } }, { a: { b: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  ])('%o and %o is %o', (object, patch, wanted) => {
    expect(mergePatch(object, patch)).toEqual(wanted);
  });
});

describe('JSON patch', () => {
  test.each([
    [{ a: [1, 2] }, [{ op: 'add', path: '/a/1', value: 9 }], { a: [1, 9, 2] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 9 }], { a: [1, 9] }],
    [{ a: 1 }, [{ op: 'replace', path: '/a', value: { b: 2 } }], { a: { b: 2 } }],
    [{ 'a/b': 1, c: 2 }, [{ op: 'remove', path: '/a~1b' }], { c: 2 }],
    [{ a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    [{ a: [1] }, [{ op: 'copy', from: '/a/0', path: '/a/0' }], { a: [1, 1] }],
  ])('%o and %o is %o', (object, operations, wanted) => {
    expect(jsonPatch(object, operations)).toEqual(wanted);
  });

  test.each([
    [[{ op: 'replace', path: '/missing', value: 1 }]],
    [[{ op: 'remove', path: '/a/5' }]],
    [[{ op: 'test', path: '/a', value: 'other' }]],
    [[{ op: 'sing', path: '/a' }]],
  ])('%o is refused', (operations) => {
    expect(() => jsonPatch({ a: [1] }, operations)).toThrow();
  });
});

describe('strategic merge patch', () => {
  const http = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };
  const https = { name: 'https', port: 443, protocol: 'TCP', targetPort: 8443 };

  test.each([
    [
      'a port is merged by its number',
      [http, https],
      { ports: [{ port: 80, targetPort: 1 }] },
      [{ ...http, targetPort: 1 }, https],
    ],
    ['a port is deleted', [http, https], { ports: [{ $patch: 'delete', port: 80 }] }, [https]],
    ['all ports are replaced', [http, https], { ports: [https, { $patch: 'replace' }] }, [https]],
    [
      'ports are brought in order',
      [http, https],
      { '$setElementOrder/ports': [{ port: 443 }, { port: 80 }], ports: [{ port: 80, name: 'web' }] },
      [https, { ...http, name: 'web' }],
    ],
  ])('%s', (_what, before, spec, after) => {
    const merged = strategicMerge('Service', { spec: { ports: before, type: 'ClusterIP' } }, { spec });
    expect(merged).toEqual({ spec: { ports: after, type: 'ClusterIP' } });
  });

  test('lists without a merge key are replaced', () => {
    const slice = { endpoints: [{ addresses: ['10.0.0.1'] }], ports: [http] };
    const patch = { endpoints: [{ addresses: ['10.0.0.2'] }] };
    expect(strategicMerge('EndpointSlice', slice, patch)).toEqual({ ...patch, ports: [http] });
  });

  test('sets grow and shrink', () => {
    const node = { metadata: { finalizers: ['a', 'b'] } };
    const patch = { metadata: { finalizers: ['c'], '$deleteFromPrimitiveList/finalizers': ['a'] } };
    expect(strategicMerge('Node', node, patch)).toEqual({ metadata: { finalizers: ['b', 'c'] } });
  });
});
