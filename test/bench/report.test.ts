import { expect, it } from 'vitest';
import { plotLatency } from './plot.ts';
import { formatResult } from './report.ts';
import type { BenchResult, SizeResult } from './result.ts';

function size(services: number): SizeResult {
  return {
    services,
    endpoints: 3,
    rules: services * 11,
    measurements: [
      {
        case: 'one endpoint changed',
        by: 'fairlead',
        samples: [20, 10, 30],
        cpu: { own: 5, children: 7.5 },
        lines: 10,
        writes: 14,
      },
      { case: 'one endpoint changed', by: 'a <proxy>', samples: [services], cpu: { own: 300, children: 20 } },
      { case: 'one endpoint changed', by: 'bare tool', samples: [10], limit: true },
      { case: 'steady stream of changes', by: 'fairlead', samples: [40] },
    ],
    memory: [
      { by: 'fairlead', afterStart: 70.4, afterChanges: 80, peak: 90, peakOfChild: 200, peakOfAll: 290 },
    ],
    notes: ['a note'],
  };
}

const RESULT: BenchResult = {
  date: '2026-01-02',
  command: 'npm run bench --',
  machine: {
    cpu: 'Processor',
    cores: 2,
    memory: '4 GiB',
    kernel: '6.1',
    tool: 'iptables v1.8.9',
    node: '24',
    load: 0.25,
  },
  mode: 'iptables',
  backend: 'nft',
  rate: 10,
  seconds: 60,
  sizes: [size(1000), size(5000)],
};

it('the report puts every case beside the bare tool and beside Fairlead', () => {
  const lines = formatResult(RESULT).split('\n');
  const table = lines.slice(3, 20).map((line) => line.replace(/\s+/g, ' ').trim());
  expect(table).toContain('1,000 Services x 3 endpoints, iptables mode, nft backend, 11,000 rules');
  expect(table).toContain('fairlead 3 20.0 ms 30.0 ms 30.0 ms 30.0 ms 12.5 ms 5.00 ms 10 14 2.0x');
  expect(table).toContain('a <proxy> 1 1.00 s 320 ms 300 ms 100x 50x');
  expect(table).toContain('10 endpoint changes/s for 60 s');
  expect(table).toContain('fairlead 1 40.0 ms 4.0x');
  expect(lines.filter((line) => line.startsWith('fairlead')).map((line) => line.split(/\s+/))).toContainEqual(
    ['fairlead', '70', '80', '90', '200', '290'],
  );
});

it('the plot has a line with a point for each size', () => {
  const svg = plotLatency(RESULT, 'one endpoint changed');
  expect(svg.match(/<polyline/g)).toHaveLength(3);
  expect(svg.match(/<circle/g)).toHaveLength(6);
  expect(svg).toContain('a &lt;proxy&gt;');
  expect(svg).not.toContain('NaN');
  expect(plotLatency({ ...RESULT, sizes: [size(1000)] }, 'one endpoint changed')).not.toContain('NaN');
});
