#!/usr/bin/env python3
"""How many round trips a check costs on a path of 100 ms.

Two network namespaces, a TUN device in each, and this process between them: it hands every packet
over 50 ms later. On the far side the lab serves a healthy NLA server; on the near side `rdpdoctor
check` and, where it is installed, nmap's RDP scripts look at it. Printed: the whole command's time,
the handshake's own round trips (TCP 1, X.224 1, TLS 1 for 1.3, CredSSP 1) and the bound of the
project: those times 1.15 and 60 ms. Wants root. Usage: benches/round_trips.py [RUNS]
"""
import fcntl, heapq, os, select, shutil, statistics, struct, subprocess, sys, threading, time

ONE_WAY = 0.050
TRIPS = 4
COMMAND = os.path.join(os.path.dirname(__file__), "..", "target", "release", "rdpdoctor")


def run(*words):
    subprocess.run(words, check=True)


def tun(namespace, address, peer):
    """A TUN device inside a namespace; its file descriptor stays with us."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    name = f"rt{os.getpid() % 10000}{namespace[-1]}"
    # IFF_TUN | IFF_NO_PI
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH", name.encode(), 0x0001 | 0x1000))
    run("ip", "link", "set", name, "netns", namespace)
    run("ip", "-n", namespace, "addr", "add", address, "peer", peer, "dev", name)
    run("ip", "-n", namespace, "link", "set", name, "up")
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    return descriptor


def relay(a, b, stop):
    """Every packet that comes in on one side goes out on the other, 50 ms later."""
    waiting, count = [], 0
    while not stop.is_set():
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, out, packet = heapq.heappop(waiting)
            os.write(out, packet)
        pause = max(0, waiting[0][0] - now) if waiting else 0.2
        for source in select.select([a, b], [], [], pause)[0]:
            packet = os.read(source, 65536)
            count += 1
            out = b if source == a else a
            heapq.heappush(waiting, (time.monotonic() + ONE_WAY, count, out, packet))


def timed(words):
    begun = time.monotonic()
    result = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.monotonic() - begun) * 1000, result.returncode


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    near, far = f"rtt{os.getpid()}n", f"rtt{os.getpid()}f"
    stop, server = threading.Event(), None
    try:
        for namespace in (near, far):
            run("ip", "netns", "add", namespace)
        a = tun(near, "10.213.77.1", "10.213.77.2")
        b = tun(far, "10.213.77.2", "10.213.77.1")
        threading.Thread(target=relay, args=(a, b, stop), daemon=True).start()
        server = subprocess.Popen(
            ["ip", "netns", "exec", far, COMMAND, "lab", "run", "healthy-nla", "--listen", "10.213.77.2:3389"],
            stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline().startswith("listening on ")
        inside = ["ip", "netns", "exec", near]
        check = inside + [COMMAND, "check", "10.213.77.2", "--json"]
        timed(check)
        results = [timed(check) for _ in range(runs)]
        assert all(code == 0 for _, code in results), results
        times = [time for time, _ in results]
        trips = TRIPS * 2 * ONE_WAY * 1000
        bound = trips * 1.15 + 60
        middle = statistics.median(times)
        print(f"check: median {middle:.0f} ms, worst {max(times):.0f} ms of {runs} runs")
        print(f"the handshake's own {TRIPS} round trips: {trips:.0f} ms; bound {bound:.0f} ms")
        print(f"ratio to the round trips: {middle / trips:.2f}; within the bound: {max(times) <= bound}")
        if shutil.which("nmap"):
            nmap, _ = timed(inside + ["nmap", "-Pn", "-n", "-p", "3389", "--script",
                                      "rdp-enum-encryption,rdp-ntlm-info,ssl-cert", "10.213.77.2"])
            print(f"nmap's RDP scripts: {nmap:.0f} ms; check/nmap: {middle / nmap:.2f}")
        else:
            print("skipped: nmap is not installed")
    finally:
        stop.set()
        if server:
            server.kill()
            server.wait()
        for namespace in (near, far):
            subprocess.run(["ip", "netns", "del", namespace], check=False)


main()
