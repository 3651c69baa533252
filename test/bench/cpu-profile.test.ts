import { describe, expect, it } from 'vitest';
import { type CpuProfile, selfTimes } from './cpu-profile.ts';

const node = (id: number, functionName: string, url = 'file:///x/fairlead.js') => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
});

const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', ''),
    node(2, '(idle)', ''),
    node(3, 'compile'),
    node(4, ''),
    node(5, 'read', 'node:fs'),
    // The same function, called from elsewhere.
    node(6, 'compile'),
  ],
  samples: [3, 2, 4, 6, 5, 1],
  timeDeltas: [1000, 10_000, 50_000, 2000, 30_000, 4000],
};

describe('self times', () => {
  it('are added up by function, without waiting', () => {
    expect(selfTimes(PROFILE)).toEqual([
      { name: 'compile', ms: 40 },
      { name: 'read node:fs:10', ms: 4 },
      { name: '(anonymous) fairlead.js:10', ms: 2 },
    ]);
  });

  it('count from a moment on', () => {
    expect(selfTimes(PROFILE, 61)[0]).toEqual({ name: 'compile', ms: 30 });
  });
});
