import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../cluster/clock.ts';
import type { MetricFactory } from './factory.ts';

/** What Linux tells of this process, below `/proc/self`. Both throw where there is nothing to be read. */
export interface ProcSelf {
  read(path: string): string;
  count(path: string): number;
}

export const systemProcSelf: ProcSelf = {
  read: (path) => readFileSync(`/proc/self/${path}`, 'utf8'),
  count: (path) => readdirSync(`/proc/self/${path}`).length,
};

/** What Go's client library prints for "no limit". */
const UNLIMITED = 2 ** 64;

/** process_* as Go's client library names them, and a few of Node's own. All are read at each scrape. */
export function addProcessMetrics(factory: MetricFactory, proc: ProcSelf, clock: Clock): void {
  const started = clock.now() / 1000 - process.uptime();
  factory.counterFrom('process_cpu_seconds_total', 'User and system CPU time.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  factory.gaugeFrom('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  factory.gaugeFrom('process_virtual_memory_bytes', 'Virtual memory.', () => {
    const [, kilobytes] = /^VmSize:\s*(\d+) kB$/m.exec(proc.read('status')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  });
  factory.gaugeFrom('process_virtual_memory_max_bytes', 'The limit of virtual memory.', () =>
    limit(proc, 'Max address space'),
  );
  factory.gaugeFrom('process_start_time_seconds', 'When the process started.', () => started);
  // Counting opens one more.
  factory.gaugeFrom('process_open_fds', 'Open file descriptors.', () => proc.count('fd') - 1);
  factory.gaugeFrom('process_max_fds', 'The limit of open file descriptors.', () =>
    limit(proc, 'Max open files'),
  );
  factory.counterFrom('process_network_receive_bytes_total', "Bytes received in the process's network.", () =>
    octets(proc, 'InOctets'),
  );
  factory.counterFrom('process_network_transmit_bytes_total', "Bytes sent in the process's network.", () =>
    octets(proc, 'OutOctets'),
  );
  factory.gaugeFrom('nodejs_heap_size_used_bytes', 'Memory of live JavaScript objects.', () => {
    return process.memoryUsage().heapUsed;
  });
  factory.gaugeFrom('nodejs_heap_size_total_bytes', 'Memory set aside for JavaScript objects.', () => {
    return process.memoryUsage().heapTotal;
  });
  // Dashboards watch this for leaks, and so can they here.
  factory.gaugeFrom(
    'go_goroutines',
    "Sockets, timers, child processes and the like that are open: Node's nearest to goroutines.",
    () => process.getActiveResourcesInfo().length,
  );
}

/** A soft limit, by its name in /proc/self/limits. */
function limit(proc: ProcSelf, name: string): number | undefined {
  const line = proc
    .read('limits')
    .split('\n')
    .find((text) => text.startsWith(name));
  const [soft] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? UNLIMITED : Number(soft);
}

/** A value of the IpExt lines in /proc/self/net/netstat: names in one, values in the next. */
function octets(proc: ProcSelf, name: string): number | undefined {
  const [names, values] = proc
    .read('net/netstat')
    .split('\n')
    .filter((line) => line.startsWith('IpExt:'))
    .map((line) => line.split(' '));
  const index = names?.indexOf(name) ?? -1;
  return index < 0 ? undefined : Number(values?.[index]);
}
