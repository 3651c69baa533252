/**
 * Measures ipvs mode on this kernel, which has it, and writes a SizeResult in JSON to a file for each size.
 * Usage: ipvs-guest.ts FILE, with numbers in BENCH_SERVICES (any number of them), BENCH_ENDPOINTS, BENCH_STARTS and
 * BENCH_CHANGES.
 */
import { appendFileSync } from 'node:fs';
import { measureIpvs } from './ipvs-course.ts';

const [, , file = '/dev/stdout'] = process.argv;
const numbers = (name: string): number[] => (process.env[`BENCH_${name}`] ?? '').split(',').map(Number);
const [endpoints = 3] = numbers('ENDPOINTS');
const [starts = 3] = numbers('STARTS');
const [changes = 20] = numbers('CHANGES');
for (const services of numbers('SERVICES')) {
  appendFileSync(file, `${JSON.stringify(await measureIpvs(services, { endpoints, starts, changes }))}\n`);
}
