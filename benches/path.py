#!/usr/bin/env python3
"""What the stage `network` says of paths that are known.

Two network namespaces, a TUN device in each, and this process between them: it loses packets, drops
long ones in one direction, or hands them over late. On the far side the lab serves a healthy server; on
the near side `rdpdoctor check` looks at it. Printed, a line a path: how often the 95 % interval held
the loss that was made, how often a black hole was found, how often a clean path got a finding of the
kind, and what the measuring costs the verdict. Wants root. Usage: benches/path.py [RUNS]
"""
import fcntl, heapq, json, os, random, select, statistics, struct, subprocess, sys, threading, time

COMMAND = os.path.join(os.path.dirname(__file__), "..", "target", "release", "rdpdoctor")
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


def run(*words):
    subprocess.run(words, check=True)


def tun(namespace, address, peer):
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    name = f"rp{os.getpid() % 10000}{namespace[-1]}"
    # IFF_TUN | IFF_NO_PI
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH", name.encode(), 0x0001 | 0x1000))
    run("ip", "link", "set", name, "netns", namespace)
    run("ip", "-n", namespace, "addr", "add", address, "peer", peer, "dev", name)
    run("ip", "-n", namespace, "link", "set", name, "up")
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    return descriptor


def relay(near, far, path, stop):
    waiting, count = [], 0
    while not stop.is_set():
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, out, packet = heapq.heappop(waiting)
            os.write(out, packet)
        pause = max(0, waiting[0][0] - now) if waiting else 0.2
        for source in select.select([near, far], [], [], pause)[0]:
            packet = os.read(source, 65536)
            count += 1
            direction = "up" if source == near else "down"
            due = path.delivery(packet, direction)
            if due is not None:
                heapq.heappush(waiting, (due, count, far if source == near else near, packet))


def check(inside, *more):
    begun = time.monotonic()
    words = inside + [COMMAND, "check", HOST, "--json", "--timeout", "3", *more]
    output = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return json.loads(output), (time.monotonic() - begun) * 1000


def causes(document):
    return {finding["cause"] for finding in document["findings"]}


def interval(document):
    """The interval as the stage's words have it, 0 to 1."""
    detail = next(s["detail"] for s in document["stages"] if s["stage"] == "network")
    low, high = detail.split("(")[1].split(" in 100")[0].split(" to ")
    return float(low) / 100, float(high) / 100


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    near, far = f"rpn{os.getpid()}n", f"rpf{os.getpid()}f"
    stop, server, path = threading.Event(), None, Path()
    try:
        for namespace in (near, far):
            run("ip", "netns", "add", namespace)
        a, b = tun(near, "10.213.78.1", HOST), tun(far, HOST, "10.213.78.1")
        threading.Thread(target=relay, args=(a, b, path, stop), daemon=True).start()
        server = subprocess.Popen(
            ["ip", "netns", "exec", far, COMMAND, "lab", "run", "healthy-nla", "--listen", f"{HOST}:3389"],
            stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline().startswith("listening on ")
        inside = ["ip", "netns", "exec", near]
        for loss in (0.05, 0.10, 0.30):
            path.loss, held = loss, 0
            for _ in range(runs):
                low, high = interval(check(inside, "--network-samples", "200")[0])
                held += low <= loss <= high
            print(f"loss of {loss:.0%}, 200 samples: the interval held it {held} of {runs}", flush=True)
        path.loss = 0.0
        for direction in ("up", "down"):
            for longest in (900, 1300):
                path.longest[direction] = longest
                found = sum("net.mtu-blackhole" in causes(check(inside)[0]) for _ in range(runs))
                path.longest[direction] = 65535
                print(f"black hole of {longest} bytes {direction}: found {found} of {runs}", flush=True)
        path.delay, path.jitter = 0.1, 0.02
        kind = {"net.packet-loss", "net.mtu-blackhole"}
        false = sum(bool(kind & causes(check(inside)[0])) for _ in range(runs))
        print(f"clean, 200 ms and 20 ms of jitter: {false} false of {runs}", flush=True)
        path.delay, path.jitter = 0.025, 0.0
        with_it = statistics.median(check(inside)[1] for _ in range(runs))
        without = statistics.median(check(inside, "--no-side")[1] for _ in range(runs))
        print(f"path of 50 ms: {with_it:.0f} ms, without any side question {without:.0f} ms", flush=True)
    finally:
        stop.set()
        if server:
            server.kill()
            server.wait()
        for namespace in (near, far):
            subprocess.run(["ip", "netns", "del", namespace], check=False)


main()
