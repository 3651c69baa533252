import { beforeEach, describe, expect, it } from 'vitest';
import { identityOf, isOlder, Mirror } from '../../../src/cluster/mirror.ts';
import { RecordingSink } from './recorders.ts';

function service(name: string, resourceVersion: string, uid = name): object {
  return { metadata: { namespace: 'demo', name, uid, resourceVersion } };
}

describe('Mirror', () => {
  let sink = new RecordingSink();
  let mirror = new Mirror('Service', sink);
  beforeEach(() => {
    sink = new RecordingSink();
    mirror = new Mirror('Service', sink);
    mirror.beginList();
    for (const name of ['a', 'b', 'c']) mirror.upsert(service(name, '1'));
    mirror.endList();
  });

  it('passes on a first list, then says that it was complete', () => {
    expect(sink.take()).toEqual(['+Service demo/a', '+Service demo/b', '+Service demo/c', 'synced Service']);
  });

  it('passes on only the differences of a later list, deletes among them', () => {
    sink.take();
    mirror.beginList();
    mirror.upsert(service('a', '1'));
    mirror.upsert(service('b', '2'));
    mirror.upsert(service('d', '3'));
    mirror.endList();
    expect(sink.take()).toEqual(['+Service demo/b', '+Service demo/d', '-Service demo/c']);
  });

  it('deletes nothing for a list that never came to its end', () => {
    sink.take();
    mirror.beginList();
    mirror.upsert(service('a', '1'));
    mirror.beginList();
    for (const name of ['a', 'b', 'c']) mirror.upsert(service(name, '1'));
    mirror.endList();
    expect(sink.take()).toEqual([]);
  });

  it('sees that an object of the same name and version is another one', () => {
    sink.take();
    mirror.upsert(service('a', '1', 'another'));
    expect(sink.take()).toEqual(['+Service demo/a']);
  });

  it('follows an object that is deleted while a list runs', () => {
    sink.take();
    mirror.beginList();
    for (const name of ['a', 'b', 'c']) mirror.upsert(service(name, '1'));
    mirror.delete(service('b', '2'));
    mirror.endList();
    mirror.delete(service('b', '3'));
    expect(sink.take()).toEqual(['-Service demo/b']);
  });

  it('takes nothing for known once the versions are distrusted, and still finds what is gone', () => {
    sink.take();
    mirror.distrust();
    mirror.beginList();
    for (const name of ['a', 'b']) mirror.upsert(service(name, '1'));
    mirror.endList();
    expect(sink.take()).toEqual(['+Service demo/a', '+Service demo/b', '-Service demo/c']);
  });

  it('lets pass what is no object', () => {
    sink.take();
    for (const value of [null, 1, 'x', {}, { metadata: null }, { metadata: { name: '' } }])
      mirror.upsert(value);
    expect(sink.take()).toEqual([]);
  });
});

describe('identityOf', () => {
  it('names objects with and without namespace', () => {
    expect(identityOf(service('web', '7', 'u'))).toEqual({ key: 'demo/web', uid: 'u', version: '7' });
    expect(identityOf({ metadata: { name: 'node-1', resourceVersion: '8' } })).toEqual({
      key: 'node-1',
      uid: '',
      version: '8',
    });
  });
});

describe('isOlder', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['99999999999999999998', '99999999999999999999', true],
    ['abc', 'abd', false],
    ['', '1', false],
  ])('%s before %s: %s', (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });
});
