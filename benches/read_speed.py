#!/usr/bin/env python3
"""How fast `rdpdoctor read` is, and how much memory it takes, beside programs that read the same.

Makes a capture of 1 GiB out of real ones (repeated, each time later and between other addresses) and an
event log of 100 MiB out of the blocks of real ones (repeated, each time later), then runs
`rdpdoctor read`, `tshark -r FILE -Y rdp` and `evtx_dump` in turn, RUNS times, and prints the best time
of each, the ratios and the greatest memory. Wants tshark, and evtx_dump in PATH or in $EVTX_DUMP
(`cargo install evtx --features evtx_dump --root FOLDER`).
Usage: benches/read_speed.py DATA [RUNS] [CAPTURE_MIB] [LOG_MIB]
"""
import glob, lzma, os, shutil, struct, subprocess, sys, tempfile, time, zlib

from two_sides import COMMAND

MIB = 1 << 20
# How much later each repetition is: captures are some minutes long, logs some days.
CAPTURE_STEP_US = 3600 * 10**6
LOG_STEP_100NS = 30 * 86400 * 10**7


# ── captures ─────────────────────────────────────────────────────────────────────────────────────

def frames_of(path):
    """Link type, microseconds and bytes of each frame, and the key logs."""
    data = open(path, "rb").read()
    frames, secrets = [], []
    magic = data[:4]
    if magic in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1"):
        order = ">" if magic == b"\xa1\xb2\xc3\xd4" else "<"
        unit = 1000 if magic == b"\x4d\x3c\xb2\xa1" else 1
        link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
        at = 24
        while at + 16 <= len(data):
            seconds, part, length, _ = struct.unpack_from(order + "IIII", data, at)
            frames.append((link, seconds * 10**6 + part // unit, data[at + 16:at + 16 + length]))
            at += 16 + length
        return frames, secrets
    at, links = 0, []
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8:at + length - 4]
        if kind == 1:
            links.append((struct.unpack_from("<H", body)[0], resolution(body[8:])))
        elif kind == 6:
            index, high, low, held = struct.unpack_from("<IIII", body)
            link, unit = links[index]
            frames.append((link, (high << 32 | low) * 10**6 // unit, body[20:20 + held]))
        elif kind == 10:
            secrets.append(body)
        at += max(length, 12)
    return frames, secrets


def resolution(options):
    """Units of a second in an interface's times (if_tsresol)."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, at)
        if code == 9:
            return 10 ** options[at + 4]
        if code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return 10**6


def block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def addresses(link, frame):
    """Where in a frame the second byte of each IPv4 address stands, or one of an IPv6 one."""
    at = {1: 14, 101: 0, 113: 16, 276: 20, 0: 4, 12: 0}.get(link)
    if link == 1 and frame[12:14] == b"\x81\x00":
        at = 18
    if at is None or len(frame) <= at:
        return []
    places = {4: (at + 13, at + 17), 6: (at + 10, at + 26)}.get(frame[at] >> 4, ())
    return [place for place in places if place < len(frame)]


def make_capture(files, path, size):
    """One pcapng with all frames in the order of files, again and again."""
    links, secrets, whole, stamps, places = [], [], bytearray(), [], []
    for file in files:
        frames, own = frames_of(file)
        secrets += own
        began = frames[0][1] if frames else 0
        for link, at, frame in frames:
            if link not in links:
                links.append(link)
            start = len(whole)
            head = struct.pack("<IIIII", links.index(link), 0, 0, len(frame), len(frame))
            whole += block(6, head + frame)
            stamps.append((start + 12, max(at - began, 0)))
            places += [(start + 28 + place, frame[place]) for place in addresses(link, frame)]
    with open(path, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link in links:
            out.write(block(1, struct.pack("<HHI", link, 0, 0)))
        for one in secrets:
            out.write(block(10, one))
        turn = 0
        while out.tell() < size:
            base = 1_700_000_000 * 10**6 + turn * CAPTURE_STEP_US
            for start, after in stamps:
                at = base + after
                struct.pack_into("<II", whole, start, at >> 32, at & 0xFFFFFFFF)
            for place, byte in places:
                whole[place] = (byte + turn) & 0xFF
            out.write(whole)
            turn += 1
    return len(stamps) * turn


# ── event logs ───────────────────────────────────────────────────────────────────────────────────

def later(chunk, by):
    """A block whose records were written later, its sums made anew."""
    chunk, at = bytearray(chunk), 512
    end = struct.unpack_from("<I", chunk, 48)[0]
    while at + 24 <= end and chunk[at:at + 4] == b"**\0\0":
        length, _, written = struct.unpack_from("<IQQ", chunk, at + 4)
        high = struct.pack("<I", written >> 32)
        found = chunk.find(high, at + 16, at + length)
        while found >= 0:
            value = struct.unpack_from("<Q", chunk, found - 4)[0]
            struct.pack_into("<Q", chunk, found - 4, value + by)
            found = chunk.find(high, found + 4, at + length)
        at += max(length, 24)
    struct.pack_into("<I", chunk, 52, zlib.crc32(chunk[512:end]))
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[:120] + chunk[128:512]))
    return chunk


def make_log(files, path, size):
    chunks = []
    for file in files:
        data = (lzma.open if file.endswith(".xz") else open)(file, "rb").read()
        blocks = (data[at:at + 65536] for at in range(4096, len(data), 65536))
        chunks += [one for one in blocks if one[:8] == b"ElfChnk\0" and len(one) == 65536]
    count = min(size // 65536, 65535)
    with open(path, "wb") as out:
        head = bytearray(4096)
        struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, count - 1, 1, 128, 1, 3, 4096, count)
        struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
        out.write(head)
        for number in range(count):
            turn, place = divmod(number, len(chunks))
            out.write(later(chunks[place], turn * LOG_STEP_100NS))
    return count


# ── measuring ────────────────────────────────────────────────────────────────────────────────────

def measured(words):
    """Seconds and MiB (the kernel's own count for the child)."""
    begun = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - begun, usage.ru_maxrss / 1024, child.returncode


def compare(path, ours, other, runs):
    best = {}
    for _ in range(runs):
        for name, words in (("rdpdoctor", ours), (os.path.basename(other[0]), other)):
            seconds, mib, code = measured(words)
            known = best.get(name, (seconds, mib, code))
            best[name] = (min(known[0], seconds), max(known[1], mib), code)
    size = os.path.getsize(path) / MIB
    for name, (seconds, mib, code) in best.items():
        print(f"  {name:10} {seconds:8.2f} s  {size / seconds:8.1f} MiB/s  {mib:7.0f} MiB  exit {code}")
    (own, *_), (theirs, *_) = best.values()
    print(f"  rdpdoctor is {theirs / own:.1f} times as fast")


def main():
    data = sys.argv[1]
    runs, capture, log = (int(sys.argv[at]) if len(sys.argv) > at else default
                          for at, default in ((2, 3), (3, 1024), (4, 100)))
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        if capture:
            path = os.path.join(folder, "large.pcapng")
            files = sorted(glob.glob(f"{data}/pcap/*.pcap") + glob.glob(f"{data}/pcap/*.pcapng"))
            frames = make_capture(files, path, capture * MIB)
            print(f"capture: {os.path.getsize(path) / MIB:.0f} MiB, {frames} frames of {len(files)} files")
            tshark = shutil.which("tshark") or sys.exit("tshark is not there")
            compare(path, [COMMAND, "read", path], [tshark, "-r", path, "-Y", "rdp"], runs)
        if log:
            path = os.path.join(folder, "large.evtx")
            files = sorted(glob.glob(f"{data}/evtx/*.evtx") + glob.glob(f"{data}/evtx/*.evtx.xz"))
            blocks = make_log(files, path, log * MIB)
            print(f"event log: {os.path.getsize(path) / MIB:.0f} MiB, {blocks} blocks of {len(files)} files")
            dump = os.environ.get("EVTX_DUMP") or shutil.which("evtx_dump") or sys.exit("evtx_dump is not there")
            compare(path, [COMMAND, "read", path], [dump, path], runs)


if __name__ == "__main__":
    main()
