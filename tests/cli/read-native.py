# SPDX-License-Identifier: Apache-2.0
"""A replayable trace file without addresses, as bsa-trace(5) describes it: prints what bsa-trace
dump prints. Written from the manual alone; zstd decompresses, and checksums are not looked at."""
import struct
import subprocess
import sys

MASK = (1 << 64) - 1
KINDS = "alloc calloc aligned_alloc realloc free page_alloc page_free thread_start thread_end"
KINDS = (KINDS + " cpu_start cpu_end marker lost").split()
FREE, PAGE_ALLOC, PAGE_FREE, REALLOC = 4, 5, 6, 3
IMPLICIT, FAILED, SLAB_PAGES = 1, 2, 4


def decompress(stored):
    run = subprocess.run(["zstd", "-dcq"], input=stored, stdout=subprocess.PIPE, check=True)
    return run.stdout


def chunks(data):
    """Type, events and content of each chunk up to the index."""
    at = struct.unpack_from("<H", data, 14)[0]
    while True:
        magic, kind, flags, stored, size, events = struct.unpack_from("<4sHHIII", data, at)
        assert magic == b"BSAc"
        content = data[at + 48 : at + 48 + stored]
        at += 48 + stored
        if kind == 5:
            index = struct.unpack_from("<Q8x8s", data, at)
            assert index[0] == at - 48 - stored and index[1] == data[:8] and at + 24 == len(data)
            return
        if kind > 5:
            assert flags & 1
            continue
        content = decompress(content) if flags & 2 else content
        assert len(content) == size
        yield kind, events, content


def numbers(encoding, count, data):
    if encoding == 0:
        value = struct.unpack("<Q", data)[0]
        while True:
            yield value
    at = (count + 1) // 2
    for i in range(count):
        length = data[i // 2] >> (4 * (i % 2)) & 15
        yield int.from_bytes(data[at : at + length], "little")
        at += length
    assert at == len(data)


class Columns:
    def __init__(self, content):
        self.time, self.slots, count = struct.unpack_from("<QII", content)
        at = 16 + 12 * count
        self.counts, self.columns = {}, {}
        for i in range(count):
            which, encoding, length, size = struct.unpack_from("<BB2xII", content, 16 + 12 * i)
            self.counts[which] = length
            self.columns[which] = numbers(encoding, length, content[at : at + size])
            at += size

    def next(self, which):
        return next(self.columns[which]) if which in self.columns else 0


def events_of(content, count, objects, page_size):
    """objects: slot -> size, order, flags of what lives."""
    columns = Columns(content)
    shapes = [[columns.next(i) for i in range(11, 23)] for _ in range(columns.counts[11])]
    places = max(columns.counts.get(9, 1), columns.counts.get(10, 1))
    places = [(columns.next(9), columns.next(10)) for _ in range(places)]
    time, used, stack, begun, run = columns.time, columns.slots, [], [], 0
    for _ in range(count):
        kind, flags, own, size, given, align, cache, site, gfp, node, order, migrate = shapes[
            columns.next(1)
        ]
        time = (time + columns.next(2)) & MASK
        if run == 0:
            run, place = columns.next(3), places[columns.next(4)]
        run -= 1
        size = columns.next(7) if own & 1 else size
        given = columns.next(8) if own & 2 else given
        slot = None
        if kind in (0, 1, 2, PAGE_ALLOC) and not flags & FAILED:
            code = columns.next(5)
            if code == 0:
                slot = stack.pop()
            elif code == 1:
                slot, used = used, used + 1
            else:
                slot = code - 2
            begun.append(slot)
            size = page_size << order if kind == PAGE_ALLOC else size
            assert slot not in objects
            objects[slot] = size, order, flags & SLAB_PAGES
        elif kind in (REALLOC, FREE, PAGE_FREE):
            code = columns.next(5)
            if code > 0:
                code -= 1
                slot = code // 2 if code % 2 else begun[-1 - code // 2]
            if kind != REALLOC:
                size, order, slab = objects.pop(slot)
                flags = flags & ~SLAB_PAGES | slab
                stack.append(slot)
            elif not flags & FAILED:
                objects[slot] = size, 0, 0
        named = cache, site, gfp, node, migrate
        yield (time, *place, kind, flags, slot, size, given, align, order, *named)


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    assert data[:8] == bytes.fromhex("89425341540d0a1a") and data[12] == 1
    page_size, names, objects, number = struct.unpack_from("<I", data, 16)[0], ["-"], {}, 0
    for kind, count, content in chunks(data):
        if kind == 2:
            names += [name.decode() for name in content.split(b"\0")[:-1]]
        for event in events_of(content, count, objects, page_size) if kind == 4 else ():
            number += 1
            time, thread, cpu, what, flags, slot, size, given, align, order, *more = event
            cache, site, gfp, node, migrate = more
            page = what in (PAGE_ALLOC, PAGE_FREE)
            bits = ((IMPLICIT, "implicit"), (FAILED, "failed"), (SLAB_PAGES, "slab_pages"))
            words = [number, "%d.%09d" % divmod(time, 10**9), thread, cpu, KINDS[what]]
            words += ["-" if slot is None else slot, "-", size, given or "-", align or "-"]
            words += [order if page else "-", names[cache], names[site], names[gfp]]
            words += [node - 1 if node else "-", migrate - 1 if migrate else "-"]
            words += ["|".join(name for bit, name in bits if flags & bit) or "-"]
            print(*words)


main()
