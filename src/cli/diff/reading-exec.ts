import type { Exec, LineExec } from '../../dataplane/exec.ts';

/**
 * Starts programs that read. Those that would write only try whether they could: iptables-restore reads and builds
 * its input without committing it, and nft -c has the kernel look at a transaction that never comes to be.
 * @returns an Exec that refuses everything else
 */
export function readingExec(exec: Exec): Exec {
  return {
    async run(program, args, options) {
      if (wouldMake(program, args)) return { exitCode: 0, stdout: '', stderr: '' };
      if (program.endsWith('-restore')) {
        const tried = args.includes('--test') ? args : [...args, '--test'];
        return await exec.run(program, tried, options);
      }
      requireReading(program, args);
      return await exec.run(program, args, options);
    },
  };
}

/** The same for programs whose output is passed on line by line. */
export function readingLines(exec: LineExec): LineExec {
  return {
    async lines(program, args, onLine, options) {
      requireReading(program, args);
      return await exec.lines(program, args, onLine, options);
    },
  };
}

/**
 * What makes something even where it only tries: the legacy iptables-restore makes the table. Counters of rules are
 * made before the rules; that they can be made is known from their list.
 */
function wouldMake(program: string, args: readonly string[]): boolean {
  return program.endsWith('-legacy-restore') || (program === 'nfacct' && args[0] === 'add');
}

function requireReading(program: string, args: readonly string[]): void {
  if (!reads(program, args)) throw new Error(`${[program, ...args].join(' ')}: may write`);
}

function reads(program: string, args: readonly string[]): boolean {
  if (program.endsWith('-save')) return true;
  switch (program) {
    case 'nfacct':
      return args[0] === 'list';
    case 'ip':
      return args.includes('show') || ROUTE_GET.test(args.join(' '));
    case 'ipvsadm':
      return args[0] === '-Sn' || args[0] === '-L';
    case 'ipset':
      return args[0] === 'save';
    case 'conntrack':
      return args[0] === '-L';
    default:
      if (/^ip6?tables-(nft|legacy)$/.test(program)) return LISTING.test(args.join(' '));
      // nft, by whatever name.
      return (
        args[0] === '--version' || args[0] === '-c' || (/^-[sj]$/.test(args[0] ?? '') && args[1] === 'list')
      );
  }
}

/** `-w 5 -t mangle -S`, and of one chain. */
const LISTING = /^(-w \d+ )?(-t \w+ )?-S( [\w-]+)?$/;
/** `-o route get 10.0.0.1` */
const ROUTE_GET = /^(-\w+ )*route get /;
