#!/usr/bin/env python3
"""What the stage `network` says of paths that are known.

Two network namespaces, a TUN device in each, and this process between them: it loses packets, drops
long ones in one direction, or hands them over late. On the far side the lab serves a healthy server; on
the near side `rdpdoctor check` looks at it. Printed, a line a path: how often the 95 % interval held
the loss that was made, how often a black hole was found, how often a clean path got a finding of the
kind, and, with the measuring and without, in turn, the time to the verdict and the time behind it, also
of paths that fail; with `times` these alone. Wants root. Usage: benches/path.py [RUNS] [times]
"""
import json, random, statistics, subprocess, sys, time

from two_sides import COMMAND, two_sides

HOST = "10.213.78.2"


class Path:
    """What happens to a packet between the two sides; changed between runs."""

    def __init__(self):
        self.loss = self.delay = self.jitter = 0.0
        self.longest = {"up": 65535, "down": 65535}

    def delivery(self, packet, direction):
        """When it is handed over; `None` where it is lost. Each exchange is lost by one draw."""
        icmp = packet[9] == 1
        if len(packet) > self.longest[direction]:
            return None
        if self.loss and icmp and direction == "up" and random.random() < self.loss:
            return None
        return time.monotonic() + self.delay + random.random() * self.jitter


def check(inside, *more):
    begun = time.monotonic()
    words = inside + [COMMAND, "check", HOST, "--json", "--timeout", "3", *more]
    output = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return json.loads(output), (time.monotonic() - begun) * 1000


def causes(document):
    return {finding["cause"] for finding in document["findings"]}


def black_hole(document):
    """How sure the finding is; `None` without one."""
    found = [f["proof"] for f in document["findings"] if f["cause"] == "net.mtu-blackhole"]
    return found[0] if found else None


def interval(document):
    """The interval as the stage's words have it, 0 to 1."""
    detail = next(s["detail"] for s in document["stages"] if s["stage"] == "network")
    low, high = detail.split("(")[1].split(" in 100")[0].split(" to ")
    return float(low) / 100, float(high) / 100


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    path = Path()
    with two_sides("10.213.78.1", HOST, path.delivery) as inside:
        if "times" not in sys.argv:
            what_is_found(path, inside, runs)
        path.delay, path.jitter = 0.025, 0.0
        delayed(path, inside, runs)


def what_is_found(path, inside, runs):
    for loss in (0.05, 0.10, 0.30):
        path.loss, held = loss, 0
        for _ in range(runs):
            low, high = interval(check(inside, "--network-samples", "200")[0])
            held += low <= loss <= high
        print(f"loss of {loss:.0%}, 200 samples: the interval held it {held} of {runs}", flush=True)
    path.loss = 0.0
    for direction in ("up", "down"):
        for longest in (900, 1300, 1440):
            path.longest[direction] = longest
            proofs = [black_hole(check(inside)[0]) for _ in range(runs)]
            path.longest[direction] = 65535
            found, proven = sum(map(bool, proofs)), proofs.count("proven")
            print(f"black hole of {longest} bytes {direction}: found {found} of {runs}, proven {proven}",
                  flush=True)
    path.delay, path.jitter = 0.1, 0.02
    kind = {"net.packet-loss", "net.mtu-blackhole"}
    false = sum(bool(kind & causes(check(inside)[0])) for _ in range(runs))
    print(f"clean, 200 ms and 20 ms of jitter: {false} false of {runs}", flush=True)


def delayed(path, inside, runs):
    for name, direction, longest in WAYS:
        if direction:
            path.longest[direction] = longest
        both = [(check(inside), check(inside, "--no-side")) for _ in range(runs)]
        with_it, without = (times(checks) for checks in zip(*both))
        path.longest = {"up": 65535, "down": 65535}
        print(f"50 ms, {name}: to the verdict {with_it[0]:.0f} ms and {with_it[1]:.0f} ms more; "
              f"without any side question {without[0]:.0f} ms and {without[1]:.0f} ms more", flush=True)


WAYS = [
    ("clean", None, 0),
    ("black hole of 900 bytes up", "up", 900),
    ("black hole of 1300 bytes up", "up", 1300),
    ("black hole of 900 bytes down", "down", 900),
    ("black hole of 1300 bytes down", "down", 1300),
]

BESIDE = {"network", "udp"}


def times(checks):
    """Medians: until the last stage of the main path was told, and from there to the end."""
    pairs = []
    for document, _ in checks:
        told = [o["at_ms"] for o in document["observations"]
                if o["kind"] == "stage-ended" and o["stage"] not in BESIDE]
        pairs.append((max(told), document["elapsed_ms"] - max(told)))
    return [statistics.median(side) for side in zip(*pairs)]

main()
