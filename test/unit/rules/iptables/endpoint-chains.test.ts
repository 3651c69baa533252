import { describe, expect, it } from 'vitest';
import { type CompileOptions, compileServicePort } from '../../../../rules/iptables/compile.ts';
import type { ServicePort } from '../../../../rules/model.ts';
import { endpoint, nodeFacts, proxySettings, servicePort } from '../model-parts.ts';

const THREE = [endpoint('10.244.1.1'), endpoint('10.244.1.2'), endpoint('10.244.1.3')];

function compile(given: Partial<ServicePort>, options: Partial<CompileOptions> = {}) {
  return compileServicePort(servicePort(given), nodeFacts(), proxySettings(), {
    endpointComments: true,
    ...options,
  });
}

describe('a ServicePort that was compiled before', () => {
  const before = compile({ endpoints: THREE });
  const moved = [endpoint('10.244.1.1'), endpoint('10.244.1.9'), endpoint('10.244.1.3', { port: 9090 })];

  it.each([
    ['other endpoints', { endpoints: moved }, {}],
    ['no endpoints', { endpoints: [] }, {}],
    ['a cluster that is large now', { endpoints: THREE }, { endpointComments: false }],
    ['session affinity', { endpoints: THREE, affinitySeconds: 10_800 }, {}],
    ['another protocol', { endpoints: THREE, protocol: 'udp' as const }, {}],
  ])('is compiled as if it were new: %s', (_what, given, options) => {
    expect(compile(given, { ...options, before })).toEqual(compile(given, options));
  });

  it('keeps what is as it was', () => {
    const after = compile({ endpoints: moved }, { before });
    const kept = after.filter((object) => before.includes(object));
    expect(kept.map(({ text }) => text.split(' ').at(-1))).toEqual(['10.244.1.1:8080']);
  });
});
