import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Namespace, Subprocess } from '../namespaces.ts';

/** Asks the Pod who it is for each line of its input, all on one connection. Resets it at the end. */
const CLIENT = `
use Socket qw(:all);
$| = 1;
my ($host, $port) = @ARGV;
my $v6 = $host =~ /:/;
my $address = $v6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) : pack_sockaddr_in($port, inet_aton($host));
socket(my $socket, $v6 ? PF_INET6 : PF_INET, SOCK_STREAM, 6) or die "socket: $!\\n";
connect($socket, $address) or die "connect: $!\\n";
while (<STDIN>) {
  my $text = '';
  alarm 20;
  syswrite($socket, "GET / HTTP/1.1\\r\\nHost: pod\\r\\n\\r\\n");
  while ($text !~ /\\}\\n/) {
    sysread($socket, my $more, 4096) or do { print "{}\\n"; exit };
    $text .= $more;
  }
  alarm 0;
  print $1, "\\n" if $text =~ /(\\{.*\\})/;
}
setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
`;

/**
 * An open TCP connection to a Pod. It ends by a reset: the kernel remembers connections that have ended in an orderly
 * way for minutes.
 */
export class HeldConnection implements AsyncDisposable {
  readonly #process: Subprocess;
  readonly #lines: Interface;

  constructor(from: Namespace, address: string, port: number) {
    this.#process = from.start(['perl', '-e', CLIENT, address, String(port)]);
    this.#lines = createInterface({ input: this.#process.stdout });
  }

  /** The name of the Pod at its other end. @throws Error where it has broken, or takes longer than 20 s */
  async pod(): Promise<string> {
    const answer = once(this.#lines, 'line', { signal: AbortSignal.timeout(20_000) });
    this.#process.stdin.write('\n');
    const [line] = await answer;
    const { pod } = JSON.parse(line);
    if (typeof pod !== 'string') throw new Error('the connection has broken');
    return pod;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end();
    await this.#process;
  }
}
