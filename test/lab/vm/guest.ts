/**
 * Runs all trials in this kernel, or those whose names hold FAIRLEAD_TRIALS, and writes how they went to a file, a
 * JSON object a line. Usage: guest.ts FILE. Ends with 0 whatever the results.
 */
import { appendFileSync } from 'node:fs';
import { GROUPS } from './groups.ts';
import { isWanted } from './trial.ts';

const [, , file = '/dev/stdout'] = process.argv;
// Each group has namespaces of its own: together they keep all processors busy.
await Promise.all(
  GROUPS.map((group) =>
    group.run(
      (result) => appendFileSync(file, `${JSON.stringify(result)}\n`),
      (trial) => isWanted(group.name, trial),
    ),
  ),
);
// Whatever a trial that did not end has left behind.
process.exit();
