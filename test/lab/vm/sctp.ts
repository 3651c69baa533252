import type { Namespace } from '../namespaces.ts';

/** Node has no SCTP; Perl, which every Debian has, does. */
const SOCKET = `
use Socket qw(:all);
my ($host, $port) = @ARGV;
my $v6 = $host =~ /:/;
my $address = $v6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) : pack_sockaddr_in($port, inet_aton($host));
socket(my $socket, $v6 ? PF_INET6 : PF_INET, SOCK_STREAM, 132) or die "socket: $!\\n";
`;

const SERVER = `${SOCKET}
setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
bind($socket, $address) or die "bind: $!\\n";
listen($socket, 8) or die "listen: $!\\n";
$| = 1;
print "ready\\n";
while (accept(my $client, $socket)) { syswrite($client, $ARGV[2]); close($client); }
`;

const CLIENT = `${SOCKET}
alarm 20;
connect($socket, $address) or die "connect: $!\\n";
sysread($socket, my $answer, 100);
print $answer;
`;

/** Answers every SCTP association with a word, until it is disposed of. */
export async function serveSctp(
  namespace: Namespace,
  { address, port }: { readonly address: string; readonly port: number },
  answer: string,
): Promise<AsyncDisposable> {
  const server = namespace.start(['perl', '-e', SERVER, address, String(port), answer]);
  await Promise.race([
    new Promise((resolve) => server.stdout.once('data', resolve)),
    server.then(() => {
      throw new Error(`the SCTP server on ${address} has ended`);
    }),
  ]);
  return {
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await server;
    },
  };
}

/** What an SCTP server says. @throws Error where nobody answers */
export function askSctp(namespace: Namespace, address: string, port: number): Promise<string> {
  return namespace.run(['perl', '-e', CLIENT, address, String(port)]);
}
