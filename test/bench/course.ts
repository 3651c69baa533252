import type { ApiProcess } from './api-process.ts';
import type { BenchNode } from './bench-node.ts';
import type { BenchCluster } from './cluster.ts';
import type { Size } from './kernel-state.ts';
import { ProxyProcess } from './proxy-process.ts';

/** What a proxy is put to. */
export interface Course extends Lengths {
  readonly node: BenchNode;
  readonly api: ApiProcess;
  readonly cluster: BenchCluster;
  /** Of the nat table once the whole cluster is programmed. */
  readonly size: Size;
  /** Endpoints of a Service. */
  readonly endpoints: number;
}

/** How often things are done, and how fast. */
export interface Lengths {
  /** Times that the proxy is started. */
  readonly starts: number;
  /** Endpoints that change one after the other. */
  readonly changes: number;
  /** Services that come, and go again. */
  readonly additions: number;
  /** ms without a change in the kernel before the next change is made. */
  readonly gap: number;
  /** Changes a second in the steady stream. */
  readonly rate: number;
  /** How long the steady stream lasts. */
  readonly seconds: number;
}

/** A proxy that is measured. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  /** Where it finds its tools. */
  readonly path?: string;
}

export function start({ command, path }: Contender, node: BenchNode): Promise<ProxyProcess> {
  return ProxyProcess.start(command, node.file('proxy.log'), path);
}
