#!/usr/bin/env python3
"""How many round trips a check costs on a path of 100 ms.

Two network namespaces, a TUN device in each, and this process between them: it hands every packet
over 50 ms later. On the far side the lab serves a healthy NLA server; on the near side `rdpdoctor
check` and, where it is installed, nmap's RDP scripts look at it. Printed: the whole command's time,
the handshake's own round trips (TCP 1, X.224 1, TLS 1 for 1.3, CredSSP 1) and the bound of the
project: those times 1.15 and 60 ms. Wants root. Usage: benches/round_trips.py [RUNS]
"""
import shutil, statistics, subprocess, sys, time

from two_sides import COMMAND, two_sides

ONE_WAY = 0.050
TRIPS = 4
HOST = "10.213.77.2"


def timed(words):
    begun = time.monotonic()
    result = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.monotonic() - begun) * 1000, result.returncode


def late(_packet, _direction):
    return time.monotonic() + ONE_WAY


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with two_sides("10.213.77.1", HOST, late) as inside:
        measure(inside, runs)


def measure(inside, runs):
    check = inside + [COMMAND, "check", HOST, "--json"]
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
                                  "rdp-enum-encryption,rdp-ntlm-info,ssl-cert", HOST])
        print(f"nmap's RDP scripts: {nmap:.0f} ms; check/nmap: {middle / nmap:.2f}")
    else:
        print("skipped: nmap is not installed")


main()
