import type { FlowSelector, UdpFlow } from '../../../rules/conntrack.ts';
import type { Family } from '../../../rules/model.ts';
import { DataplaneError } from '../dataplane.ts';
import { ExecError, type Execution, type LineExec } from '../exec.ts';
import { deleteCommand, dumpCommand, parseFlow } from './flow.ts';

const PROGRAM = 'conntrack';

/** The kernel's table of tracked flows, by the `conntrack` program. */
export class ConntrackTool {
  readonly #exec: LineExec;

  constructor(exec: LineExec) {
    this.#exec = exec;
  }

  /**
   * Passes on every UDP flow of a family; the whole table is never held.
   * @returns how many there are
   * @throws DataplaneError
   */
  async flows(family: Family, onFlow: (flow: UdpFlow) => void, signal: AbortSignal): Promise<number> {
    let count = 0;
    const onLine = (line: string): void => {
      const flow = parseFlow(line);
      if (!flow) return;
      count++;
      onFlow(flow);
    };
    const args = dumpCommand(family);
    const execution = await this.#run(args, onLine, signal);
    if (execution.exitCode !== 0) throw conntrackError(args, execution);
    return count;
  }

  /**
   * Deletes all flows that the selector selects. That they are gone already is no error.
   * @returns how many were there
   * @throws DataplaneError
   */
  async delete(selector: FlowSelector, signal: AbortSignal): Promise<number> {
    let count = 0;
    const args = deleteCommand(selector);
    const execution = await this.#run(args, (line) => (count += line.startsWith('udp ') ? 1 : 0), signal);
    // Nothing to delete is a failure for this program.
    if (execution.exitCode !== 0 && !/\b0 flow entries/.test(execution.stderr)) {
      throw conntrackError(args, execution);
    }
    return count;
  }

  /** Has the kernel load what tracks connections, where it is not there yet. @throws DataplaneError */
  async load(signal: AbortSignal): Promise<void> {
    const args = ['-C'];
    const execution = await this.#run(args, () => {}, signal);
    if (execution.exitCode !== 0) throw conntrackError(args, execution);
  }

  async #run(
    args: readonly string[],
    onLine: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Omit<Execution, 'stdout'>> {
    try {
      return await this.#exec.lines(PROGRAM, args, onLine, { signal });
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      const code = error.code === 'missing' || error.code === 'aborted' ? error.code : 'transient';
      throw new DataplaneError(code, error.message, { cause: error });
    }
  }
}

/** The kernel, or the rights of this process, will be the same the next time. */
const LASTING = /CAP_NET_ADMIN|not permitted|not supported/i;

function conntrackError(
  args: readonly string[],
  { exitCode, stderr }: Omit<Execution, 'stdout'>,
): DataplaneError {
  const said = stderr.replaceAll(/^conntrack v\S+ \(conntrack-tools\): /gm, '').trim();
  const reason = said.replaceAll(/\s*\n\s*/g, '; ') || `exit code ${exitCode}`;
  const code = LASTING.test(said) ? 'environment' : 'transient';
  return new DataplaneError(code, `${PROGRAM} ${args.join(' ')}: ${reason}`);
}
