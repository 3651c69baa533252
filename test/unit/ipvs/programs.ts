import type { Exec, ExecOptions, Execution } from '../../../src/dataplane/exec.ts';
import { Kernel } from './kernel.ts';

/** ipvsadm, ipset, ip and iptables in front of a model of the kernel. */
export class Programs implements Exec {
  readonly kernel = new Kernel();
  /** What was written, as `PROGRAM: PAYLOAD`. */
  readonly payloads: string[] = [];
  /** Active and inactive connections of a real server, by `ADDRESS:PORT`. */
  readonly connections = new Map<string, readonly [number, number]>();
  #failure: { readonly program: string; readonly execution: Execution } | undefined;

  /** The next payload for this program is refused in these words. ipvsadm ends with 0 all the same. */
  failNext(program: string, stderr: string): void {
    this.#failure = { program, execution: { exitCode: program === 'ipvsadm' ? 0 : 1, stdout: '', stderr } };
  }

  async run(program: string, args: readonly string[], { input }: ExecOptions = {}): Promise<Execution> {
    if (input !== undefined) {
      this.payloads.push(`${program}: ${input}`);
      if (this.#failure?.program === program) {
        const { execution } = this.#failure;
        this.#failure = undefined;
        return execution;
      }
      const tool = program === 'ipset' || program === 'ip' || program === 'ipvsadm' ? program : 'iptables';
      this.kernel.apply({ tool, text: input });
      return done('');
    }
    if (program === 'ipvsadm') return done(args.includes('-Sn') ? this.kernel.ipvsadm : this.#list());
    if (program === 'ipset') return done(this.kernel.ipset);
    if (program === 'ip') return done(JSON.stringify([{ addr_info: this.#addresses() }]));
    return done(this.kernel.save);
  }

  #addresses(): readonly unknown[] {
    return this.kernel.addresses.map((local) => ({ local, scope: 'global' }));
  }

  #list(): string {
    const servers = new Set([...this.kernel.ipvsadm.matchAll(/ -r (\S+)/g)].map(([, server = '']) => server));
    const lines = [...servers].map((server) => {
      const [active, inactive] = this.connections.get(server) ?? [0, 0];
      return `  -> ${server.padEnd(28)} Masq    0      ${active}          ${inactive}         \n`;
    });
    return `Prot LocalAddress:Port Scheduler Flags\n${lines.join('')}`;
  }
}

function done(stdout: string): Execution {
  return { exitCode: 0, stdout, stderr: '' };
}
