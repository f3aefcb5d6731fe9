# SPDX-License-Identifier: Apache-2.0
"""Reads a trace file as bsa-trace(5) describes it and prints what bsa-trace dump prints, of a raw
file what dump --raw prints. Written from the manual alone; zstd decompresses, and checksums are not
looked at. Which chunk types, columns, encodings and kinds were there is added to a second file."""
import heapq
import struct
import subprocess
import sys

MASK = (1 << 64) - 1
KINDS = "alloc calloc aligned_alloc realloc free page_alloc page_free thread_start thread_end"
KINDS = (KINDS + " cpu_start cpu_end marker lost realloc_begin").split()
REALLOC, FREE, PAGE_ALLOC, PAGE_FREE, REALLOC_BEGIN = 3, 4, 5, 6, 13
IMPLICIT, FAILED, SLAB_PAGES = 1, 2, 4
seen = set()


def decompress(stored):
    run = subprocess.run(["zstd", "-dcq"], input=stored, stdout=subprocess.PIPE, check=True)
    return run.stdout


def chunks(data):
    """Type, events, thread, moment and content of each chunk up to the index, or the end."""
    at = struct.unpack_from("<H", data, 14)[0]
    while at + 48 <= len(data):
        header = struct.unpack_from("<4sHHIIIIQQ", data, at)
        magic, kind, flags, stored, size, events, thread = header[:7]
        assert magic == b"BSAc"
        content = data[at + 48 : at + 48 + stored]
        at += 48 + stored
        if at > len(data):
            break
        seen.add("chunk %d" % kind)
        if kind == 5:
            index = struct.unpack_from("<Q8x8s", data, at)
            assert index[0] == at - 48 - stored and index[1] == data[:8] and at + 24 == len(data)
            return
        if kind > 6:
            assert flags & 1
            continue
        content = decompress(content) if flags & 2 else content
        assert len(content) == size
        yield kind, events, thread, header[7:], content
    assert data[12] == 0, "only a raw file may be cut off"


def numbers(encoding, count, data):
    seen.add("encoding %d" % encoding)
    if encoding == 0:
        value = struct.unpack("<Q", data)[0]
        while True:
            yield value
    steps = data[0] if encoding == 2 else 0
    data = data[1:] if encoding == 2 else data
    at = (count + 1) // 2
    for i in range(count):
        length = data[i // 2] >> (4 * (i % 2)) & 15
        value = int.from_bytes(data[at : at + length], "little")
        if steps > 0:
            value = (value + value % 2 << steps) - value % 2 & MASK
        yield value
        at += length
    assert at == len(data)


class Columns:
    def __init__(self, content):
        self.time, self.slots, count = struct.unpack_from("<QII", content)
        at = 16 + 12 * count
        self.counts, self.columns = {}, {}
        self.last = [0, 0]  # address, page frame
        for i in range(count):
            which, encoding, length, size = struct.unpack_from("<BB2xII", content, 16 + 12 * i)
            seen.add("column %d" % which)
            self.counts[which] = length
            self.columns[which] = numbers(encoding, length, content[at : at + size])
            at += size

    def next(self, which):
        return next(self.columns[which]) if which in self.columns else 0

    def address(self, page):
        u = self.next(6)
        self.last[page] = self.last[page] + (u >> 1 ^ -(u & 1)) & MASK
        return self.last[page]

    def events(self, count):
        """Each as a dictionary, without its object."""
        names = "kind flags own size given align cache site gfp node order migrate".split()
        shapes = [[self.next(i) for i in range(11, 23)] for _ in range(self.counts[11])]
        places = max(self.counts.get(9, 1), self.counts.get(10, 1))
        places = [(self.next(9), self.next(10)) for _ in range(places)]
        time, run = self.time, 0
        for _ in range(count):
            event = dict(zip(names, shapes[self.next(1)]))
            time = (time + self.next(2)) & MASK
            if run == 0:
                run, (thread, cpu) = self.next(3), places[self.next(4)]
            run -= 1
            event.update(time=time, thread=thread, cpu=cpu, slot=None, address=0)
            event["size"] = self.next(7) if event["own"] & 1 else event["size"]
            event["given"] = self.next(8) if event["own"] & 2 else event["given"]
            yield event


def begins(event, kinds):
    return event["kind"] in kinds and not event["flags"] & FAILED


def replayable_events(content, count, objects, page_size):
    """objects: slot -> size, order, flags, address of what lives."""
    columns = Columns(content)
    used, stack, begun = columns.slots, [], []
    for event in columns.events(count):
        kind, page = event["kind"], event["kind"] in (PAGE_ALLOC, PAGE_FREE)
        if begins(event, (0, 1, 2, PAGE_ALLOC)):
            code = columns.next(5)
            if code == 0:
                slot = stack.pop()
            elif code == 1:
                slot, used = used, used + 1
            else:
                slot = code - 2
            begun.append(slot)
            assert slot not in objects
            event["slot"], event["address"] = slot, columns.address(page)
            event["size"] = page_size << event["order"] if page else event["size"]
            flags = event["flags"] & SLAB_PAGES
            objects[slot] = event["size"], event["order"], flags, event["address"]
        elif kind in (REALLOC, FREE, PAGE_FREE):
            code, slot = columns.next(5), None
            if code > 0:
                slot = (code - 1) // 2 if code % 2 == 0 else begun[-1 - (code - 1) // 2]
            event["slot"] = slot
            if kind != REALLOC:
                event["size"], event["order"], slab, event["address"] = objects.pop(slot)
                event["flags"] = event["flags"] & ~SLAB_PAGES | slab
                stack.append(slot)
            elif not event["flags"] & FAILED:
                event["address"] = columns.address(page)
                objects[slot] = event["size"], 0, 0, event["address"]
        yield event


def raw_events(content, count):
    columns = Columns(content)
    begun, lists = [], {}
    for event in columns.events(count):
        kind, page = event["kind"], event["kind"] in (PAGE_ALLOC, PAGE_FREE)
        if begins(event, (0, 1, 2, REALLOC, PAGE_ALLOC)):
            size_class = 0 if page else min(max((event["size"] + 7) // 16, 1), 64)
            recent, code = lists.setdefault(size_class, []), columns.next(23)
            event["address"] = recent.pop(code - 1) if code > 0 else columns.address(page)
            begun.append((event["address"], recent))
        elif kind in (FREE, PAGE_FREE, REALLOC_BEGIN):
            code = columns.next(5)
            if code == 0:
                event["address"] = columns.address(page)
            else:
                event["address"], recent = begun[-code]
                recent.insert(0, event["address"])
                del recent[16:]
        yield event


def fixed_records(content):
    names = "ticks address size align cpu kind flags".split()
    for record in struct.iter_unpack("<QQQIHBB", content):
        yield dict(zip(names, record))


def short_records(content):
    extension, high_ticks = None, 0
    for first, second in struct.iter_unpack("<QQ", content):
        if first & 15 == 15:
            extension, high_ticks = (first, second), second >> 16 & 0xFFFF
            continue
        more, moment = extension or (0, 0)
        extension = None
        yield {
            "kind": first & 15,
            "cpu": first >> 4 & 0xFFF | (more >> 4 & 15) << 12,
            "flags": more >> 8 & 0xFF,
            "address": first >> 16 | (moment & 0xFFFF) << 48,
            "size": second & 0xFFFF | more >> 16 << 16,
            "ticks": second >> 16 | high_ticks << 48,
            "align": moment >> 32,
        }
    assert extension is None


def clock_of(meta, moments):
    """A function from ticks to ns."""
    if meta.get("clock") != "tsc":
        return lambda ticks: ticks
    if "clock.start" in meta:
        moments.append(tuple(map(int, meta["clock.start"].split())))
    kept = []
    for moment in sorted(moments):
        if kept and (moment[0] <= kept[-1][0] or moment[1] < kept[-1][1]):
            continue
        if len(kept) > 1 and kept[-1][1] - kept[-2][1] < 10**9:
            kept.pop()
        kept.append(moment)

    def nanoseconds(ticks):
        (t0, n0), (t1, n1) = kept[0], kept[1] if len(kept) > 1 else kept[0]
        for before, after in zip(kept, kept[1:]):
            if before[0] <= ticks:
                (t0, n0), (t1, n1) = before, after
        rate = (n1 - n0) / (t1 - t0) if t1 > t0 else 1.0
        return n0 + int((ticks - t0) * rate) if ticks >= t0 else n0 - int((t0 - ticks) * rate)

    return nanoseconds


def in_order(streams, clock):
    """One order of all; what ends an object goes before what begins one at the same moment."""
    ends = (FREE, PAGE_FREE, REALLOC_BEGIN)
    for record in (record for stream in streams for record in stream if "ticks" in record):
        record.update(time=clock(record["ticks"]), slot=None)
        record.update(dict.fromkeys(("given", "cache", "site", "gfp", "order", "node", "migrate"), 0))
    key = lambda r: (r["time"], r.get("ticks", 0), r["kind"] not in ends)
    return heapq.merge(*streams, key=key)


def metadata(content):
    at = 0
    while at < len(content):
        key, at = content[at : content.index(b"\0", at)], content.index(b"\0", at) + 5
        size = struct.unpack_from("<I", content, at - 4)[0]
        yield key.decode(), content[at : at + size].decode()
        at += size


def word(name):
    """What would end a word, or should not be seen, is octal."""
    if name == "-":
        return "\\055"
    odd = lambda c: c <= " " or c in "\\\x7f"
    return "".join("\\%03o" % ord(c) if odd(c) else c for c in name) or "-"


def line(number, event, names, raw):
    page = event["kind"] in (PAGE_ALLOC, PAGE_FREE)
    bits = ((IMPLICIT, "implicit"), (FAILED, "failed"), (SLAB_PAGES, "slab_pages"))
    words = [number, "%d.%09d" % divmod(event["time"], 10**9), event["thread"], event["cpu"]]
    words += [KINDS[event["kind"]]]
    words += [] if raw else ["-" if event["slot"] is None else event["slot"]]
    words += [hex(event["address"]) if event["address"] else "-", event["size"]]
    words += [event["given"] or "-", event["align"] or "-", event["order"] if page else "-"]
    words += [names[event[which]] for which in ("cache", "site", "gfp")]
    words += [event[which] - 1 if event[which] else "-" for which in ("node", "migrate")]
    words += ["|".join(name for bit, name in bits if event["flags"] & bit) or "-"]
    seen.add("kind " + KINDS[event["kind"]])
    return " ".join(map(str, words))


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    assert data[:8] == bytes.fromhex("89425341540d0a1a") and data[8:10] == b"\1\0"
    raw, page_size = data[12] == 0, struct.unpack_from("<I", data, 16)[0]
    names, meta, moments, objects, events, streams = ["-"], {}, [], {}, [], {}
    for kind, count, thread, moment, content in chunks(data):
        if kind == 1:
            meta.update(metadata(content))
        elif kind == 2:
            names += [word(name.decode()) for name in content.split(b"\0")[:-1]]
        elif kind == 4 and raw:
            streams["chunk", len(streams)] = list(raw_events(content, count))
        elif kind == 4:
            events += replayable_events(content, count, objects, page_size)
        else:
            moments.append(moment)
            records = fixed_records(content) if kind == 3 else short_records(content)
            own = streams.setdefault(("thread", thread), [])
            own += [dict(record, thread=thread) for record in records]
    if raw:
        events = in_order(streams.values(), clock_of(meta, moments))
    for number, event in enumerate(events, 1):
        print(line(number, event, names, raw))
    with open(sys.argv[2], "a") as file:
        print(*sorted(seen), sep="\n", file=file)


main()
