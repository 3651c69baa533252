# Tells when rules are in the kernel: one line for each change, on standard output.
#   kernel-watch.pl nft CLOCK_GETTIME
#   kernel-watch.pl legacy CLOCK_GETTIME GETSOCKOPT
# The numbers are those of the system calls on this architecture. For each line on standard input it says "caught up",
# once it has told all that was in the kernel by then. Other lines are explained in transaction.ts.
# Perl, as it is part of every Debian (perl-base), opens sockets of any kind, and counts 75,000 rules in a tenth of the
# time that `nft monitor` takes to print them.
use strict;
use warnings;
use Errno;
$| = 1;

my ($backend, $clock_gettime, $getsockopt) = @ARGV;

# Nanoseconds on CLOCK_MONOTONIC, which is Node's process.hrtime too.
sub now {
    my $time = "\0" x 16;
    syscall($clock_gettime + 0, 1, $time);
    my ($seconds, $nanoseconds) = unpack('q q', $time);
    return $seconds * 1_000_000_000 + $nanoseconds;
}

if   ($backend eq 'nft') { follow_transactions() }
else                     { poll_tables() }

# The kernel tells of every rule of a transaction once it is committed, and of the new generation at last.
sub follow_transactions {
    my %family = (1 => 'inet', 2 => 'ip', 10 => 'ip6');
    # nf_tables message types: what it says, and the attribute that has the name of the chain or set.
    my %kind = (
        3  => ['+chain',   3],
        5  => ['-chain',   3],
        6  => ['+rule',    2],
        8  => ['-rule',    2],
        12 => ['+element', 2],
        14 => ['-element', 2],
    );
    my $new_generation = 15;
    my $table_gone = 2;

    # AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER; SO_RCVBUFFORCE; group NFNLGRP_NFTABLES.
    socket(my $socket, 16, 3, 12) or die "netlink socket: $!\n";
    setsockopt($socket, 1, 33, pack('i', 512 << 20)) or die "netlink buffer: $!\n";
    bind($socket, pack('S S L L', 16, 0, 0, 1 << 6)) or die "netlink group: $!\n";
    print "ready\n";

    # Messages that begin alike are about the same chain: names are looked for once for each, at the end.
    my (%beginnings, %values, $lost);
    # Endpoints in the maps that are part of rules: each is told of when it is seen for the first time since a table
    # was deleted. All messages of one length have theirs at the same place.
    my (%known, %place);
    my $take = sub {
        my ($data) = @_;
        my $end = length $data;
        for (my $at = 0; $at + 24 <= $end;) {
            my ($length, $type, $first) = unpack("\@$at L S x14 S", $data);
            $type &= 255;
            if ($type == $new_generation) {
                my $program = attribute(substr($data, $at + 20, $length - 20), 3) // '';
                my %events;
                while (my ($beginning, $count) = each %beginnings) {
                    my ($message, $family) = unpack('C C', $beginning);
                    my ($what, $wanted) = @{ $kind{$message} };
                    my $attributes = substr($beginning, 5);
                    my $table = attribute($attributes, 1) // '';
                    my $name = attribute($attributes, $wanted) // '';
                    $events{"$what " . ($family{$family} // $family) . " $table $name"} += $count;
                }
                $events{'+value ' . join('.', unpack('C4', $_))} = 1 for keys %values;
                my $events = join(',', map { "$_=$events{$_}" } keys %events);
                print join("\t", now(), $lost ? 'lost' : 'whole', $program, $events), "\n";
                %beginnings = ();
                %values = ();
                $lost = 0;
            }
            elsif ($type == $table_gone) { %known = () }
            elsif ($kind{$type}) {
                # The table is the first attribute, and the name the second.
                my $second = $at + 20 + (($first + 3) & ~3);
                my $size = $second - $at - 16 + unpack("\@$second S", $data);
                $beginnings{ chr($type) . substr($data, $at + 16, $size) }++;
                if ($type == 12 && substr($data, $second + 4, 5) eq '__map') {
                    my $place = $place{ ($second - $at) . " $length" } //= place_of_value($data, $second, $at) - $at;
                    my $value = substr($data, $at + $place, 4);
                    $values{$value} = 1 if $place > 0 && !$known{$value}++;
                }
            }
            $at += ($length + 3) & ~3;
        }
    };
    while (1) {
        my $asked = wait_for($socket, undef);
        while (1) {
            my $data;
            # MSG_DONTWAIT; ENOBUFS: there was more than the buffer holds.
            if (defined recv($socket, $data, 1 << 20, 0x40)) { $take->($data) }
            elsif ($!{ENOBUFS}) { $lost = 1 }
            else { last }
        }
        print "caught up\n" if $asked;
    }
}

# Where in a message the value of a map's element begins: the second attribute is the map's name, the third holds the
# element, which holds its key, and then its value.
sub place_of_value {
    my ($data, $second, $none) = @_;
    my $at = $second + ((unpack("\@$second S", $data) + 3) & ~3);
    my ($elements, $element) = ($at, $at + 4);
    my $end = $elements + unpack("\@$elements S", $data);
    for ($at = $element + 4; $at + 8 <= $end;) {
        my ($size, $type) = unpack("\@$at S S", $data);
        # NFTA_SET_ELEM_DATA, and NFTA_DATA_VALUE in it.
        return $at + 8 if ($type & 0x3fff) == 2;
        $at += ($size + 3) & ~3 || 4;
    }
    return $none;
}

# A string attribute of a netlink message.
sub attribute {
    my ($attributes, $wanted) = @_;
    for (my $at = 0; $at + 4 <= length $attributes;) {
        my ($size, $type) = unpack("\@$at S S", $attributes);
        return unpack('Z*', substr($attributes, $at + 4, $size - 4)) if ($type & 0x3fff) == $wanted;
        $at += ($size + 3) & ~3 || 4;
    }
    return undef;
}

# Waits for the socket, if there is one, or until the time in seconds is over. True: a line came on standard input.
sub wait_for {
    my ($socket, $seconds) = @_;
    my $ready = '';
    vec($ready, fileno(STDIN), 1) = 1;
    vec($ready, fileno($socket), 1) = 1 if $socket;
    select($ready, undef, undef, $seconds);
    return 0 unless vec($ready, fileno(STDIN), 1);
    # The end of input: whoever asked is gone.
    sysread(STDIN, my $line, 1000) or exit 0;
    return 1;
}

# The old packet filter tells nobody. It gives the number of a table's entries at once, however big the table is.
sub poll_tables {
    # AF_INET, SOCK_RAW, IPPROTO_RAW; IPT_SO_GET_INFO.
    socket(my $socket, 2, 3, 255) or die "raw socket: $!\n";
    print "ready\n";
    my $before = '';
    while (1) {
        my $asked = wait_for(undef, 0.001);
        my @entries;
        for my $table ('nat', 'filter', 'mangle') {
            my $info = pack('a32', $table) . "\0" x 52;
            my $size = pack('i', length $info);
            my $failed = syscall($getsockopt + 0, fileno($socket), 0, 64, $info, $size) != 0;
            push @entries, "$table=" . ($failed ? 0 : unpack('@76 L', $info));
        }
        my $entries = join(',', @entries);
        print join("\t", now(), 'whole', '', $entries), "\n" if $entries ne $before;
        $before = $entries;
        print "caught up\n" if $asked;
    }
}
