import type { UdpFlow } from '../../../rules/conntrack.ts';
import { ExecError, type ExecOptions, type Execution, type LineExec } from '../../../src/dataplane/exec.ts';

type Ended = Omit<Execution, 'stdout'>;
const SAYS = 'conntrack v1.4.7 (conntrack-tools):';

/** The `conntrack` program in front of a table of UDP flows: takes the same arguments and prints the same (1.4.7). */
export class ConntrackProgram implements LineExec {
  /** What the kernel tracks; each flow has a client of its own. */
  flows: UdpFlow[] = [];
  /** The arguments of each process. */
  readonly calls: string[] = [];
  /** How the next processes end, whatever they are asked. */
  readonly failures: (Ended | ExecError)[] = [];
  /** Not in PATH. */
  missing = false;
  /** Called when a process starts. */
  onCall: (args: string) => void = () => {};

  async lines(
    program: string,
    args: readonly string[],
    onLine: (line: string) => void,
    { signal }: ExecOptions = {},
  ): Promise<Ended> {
    if (signal?.aborted) throw new ExecError('aborted', `${program}: stopped`);
    if (this.missing || program !== 'conntrack') {
      throw new ExecError('missing', `${program}: not found in PATH`);
    }
    this.calls.push(args.join(' '));
    this.onCall(args.join(' '));
    const failure = this.failures.shift();
    if (failure instanceof ExecError) throw failure;
    if (failure) return failure;
    return this.#execute(args, onLine);
  }

  get deletions(): readonly string[] {
    return this.calls.filter((call) => call.startsWith('-D'));
  }

  #execute(args: readonly string[], onLine: (line: string) => void): Ended {
    const option = (name: string) => args[args.indexOf(name) + 1];
    if (args[0] === '-L') {
      const own = this.flows.filter((flow) => flow.destination.includes(':') === (option('-f') === 'ipv6'));
      own.forEach(print(onLine));
      return { exitCode: 0, stderr: `${SAYS} ${own.length} flow entries have been shown.\n` };
    }
    const matches = (name: string, value: string | number) =>
      !args.includes(name) || option(name) === String(value);
    const isSelected = (flow: UdpFlow) =>
      matches('-w', flow.zone) &&
      matches('--orig-dst', flow.destination) &&
      matches('--orig-port-dst', flow.port) &&
      matches('--reply-src', flow.replySource) &&
      matches('--reply-port-src', flow.replyPort);
    const deleted = this.flows.filter(isSelected);
    this.flows = this.flows.filter((flow) => !isSelected(flow));
    deleted.forEach(print(onLine));
    const stderr = `${SAYS} ${deleted.length} flow entries have been deleted.\n`;
    return { exitCode: deleted.length > 0 ? 0 : 1, stderr };
  }
}

function print(onLine: (line: string) => void): (flow: UdpFlow, index: number) => void {
  return ({ zone, destination, port, replySource, replyPort }, index) => {
    const client = destination.includes(':') ? 'fd00::9' : '192.0.2.9';
    const [here, there] = [`src=${client} dst=${destination}`, `src=${replySource} dst=${client}`];
    const ports = [`sport=${20_000 + index} dport=${port}`, `sport=${replyPort} dport=${20_000 + index}`];
    const suffix = zone === 0 ? '' : `zone=${zone} `;
    onLine(`udp      17 29 ${here} ${ports[0]} [UNREPLIED] ${there} ${ports[1]} mark=0 ${suffix}use=1`);
  };
}
