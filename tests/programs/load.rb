# SPDX-License-Identifier: Apache-2.0
# What a Ruby program does to its malloc: strings and tables, threads that take turns, processes that
# are forked in the middle of it, a heap that its collector compacts.
table = {}
200_000.times { |i| table["k#{i % 5003}"] = [i, i.to_s * 3] }
text = +''
100_000.times { |i| text << "abc#{i}" }
puts table.size, text.size

threads = Array.new(8) do |n|
  Thread.new { Array.new(20_000) { |i| 'x' * ((i + n) % 300) }.sum(&:size) }
end
children = Array.new(4) do |n|
  reader, writer = IO.pipe
  pid = fork do
    reader.close
    writer.write(Array.new(50_000) { |i| (i * n).to_s * 2 }.join.size)
    writer.close
    exit!(0)
  end
  writer.close
  said = reader.read
  Process.wait(pid)
  "#{said} #{$?.exitstatus}"
end
puts children, threads.map(&:value)

table.delete_if { |_, v| v[0].odd? }
GC.start
GC.compact if GC.respond_to?(:compact)
puts table.values.sum { |v| v[1].size }
