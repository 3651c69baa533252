/**
 * Runs all trials in this kernel, and writes how they went to a file, a JSON object a line.
 * Usage: guest.ts FILE [GROUP…]. Ends with 0 whatever the results.
 */
import { appendFileSync } from 'node:fs';
import { GROUPS } from './groups.ts';

const [file = '/dev/stdout', ...names] = process.argv.slice(2);
for (const group of GROUPS) {
  if (names.length > 0 && !names.includes(group.name)) continue;
  await group.run((result) => appendFileSync(file, `${JSON.stringify(result)}\n`));
}
