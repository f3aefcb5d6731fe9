# SPDX-License-Identifier: Apache-2.0
# Counts what stands beside what in the files that are given: words split, joined and matched, hashes of
# hashes, lists that are sorted. Prints what depends on the files alone.
use strict;
use warnings;

my (%beside, %lines, $bytes);
for my $path (@ARGV) {
    open(my $file, '<', $path) or die "$path: $!\n";
    while (my $line = <$file>) {
        $bytes += length $line;
        my @words = map { lc } $line =~ /([A-Za-z_]\w+)/g;
        push @{ $lines{$_} }, "$path:$.:" . join(' ', reverse @words) for @words;
        $beside{ $words[$_ - 1] }{ $words[$_] }++ for 1 .. $#words;
    }
}

my %ranked;
for my $word (keys %beside) {
    my $next = $beside{$word};
    my @order = sort { $next->{$b} <=> $next->{$a} || $a cmp $b } keys %$next;
    $ranked{$word} = join ',', map { "$_=$next->{$_}" } @order[0 .. ($#order < 9 ? $#order : 9)];
}
my @most = sort { @{ $lines{$b} } <=> @{ $lines{$a} } || $a cmp $b } keys %lines;
my $where = 0;
for my $word (@most) {
    my @places = sort @{ delete $lines{$word} };
    (my $text = join "\n", @places) =~ s/(\w+):(\d+)/$2-$1/g;
    $where += length $text;
}
print scalar(@most), " $bytes $where\n";
print "$_: ", $ranked{$_} // '', "\n" for @most[0 .. 9];
