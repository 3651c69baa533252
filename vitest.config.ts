import { defineConfig } from 'vitest/config';

/** Tests that make network namespaces. */
const KERNEL = ['test/lab/**/*.test.ts', 'test/ui/**/*.test.ts', 'test/deploy/image.test.ts', 'test/model/iptables-real.test.ts'];

/** Tests that boot a kernel of their own, once. */
const VM = ['test/lab/vm/**'];

export default defineConfig({
  test: {
    // The lab's files share one kernel and two cores: one after the other they are faster, and their traffic is
    // not disturbed.
    projects: [
      {
        extends: true,
        test: { name: 'unit', setupFiles: ['test/fuzz/seed.ts'], include: ['test/**/*.test.ts'], exclude: [...KERNEL, ...VM], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: KERNEL,
          exclude: VM,
          fileParallelism: false,
          // Real time passes in the lab: a machine that stands still for a moment is no failure of the code.
          retry: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'vm', include: ['test/lab/vm/**/*.test.ts'], fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
