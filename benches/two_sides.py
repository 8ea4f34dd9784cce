"""Two network namespaces with a TUN device in each, and this process between them: what the measuring
programs of this folder share. Wants root."""
import contextlib, fcntl, heapq, os, select, struct, subprocess, threading, time

TARGET = os.environ.get("CARGO_TARGET_DIR") or os.path.join(os.path.dirname(__file__), "..", "target")
COMMAND = os.path.join(TARGET, "release", "rdpdoctor")


def run(*words):
    subprocess.run(words, check=True)


def tun(namespace, address, peer):
    """A TUN device inside a namespace; its file descriptor stays with us."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    name = f"rp{os.getpid() % 10000}{namespace[-1]}"
    # IFF_TUN | IFF_NO_PI
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH", name.encode(), 0x0001 | 0x1000))
    run("ip", "link", "set", name, "netns", namespace)
    run("ip", "-n", namespace, "addr", "add", address, "peer", peer, "dev", name)
    run("ip", "-n", namespace, "link", "set", name, "up")
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    return descriptor


def relay(near, far, delivery, stop):
    """Hands packets over when `delivery(packet, direction)` says, and loses those with none."""
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
            due = delivery(packet, "up" if source == near else "down")
            if due is not None:
                heapq.heappush(waiting, (due, count, far if source == near else near, packet))


@contextlib.contextmanager
def two_sides(client, host, delivery, fault="healthy-nla"):
    """The beginning of a command that runs on the near side; the lab serves on the far one."""
    near, far = f"rpn{os.getpid()}n", f"rpf{os.getpid()}f"
    stop, server = threading.Event(), None
    try:
        for namespace in (near, far):
            run("ip", "netns", "add", namespace)
        ends = tun(near, client, host), tun(far, host, client)
        threading.Thread(target=relay, args=(*ends, delivery, stop), daemon=True).start()
        server = subprocess.Popen(
            ["ip", "netns", "exec", far, COMMAND, "lab", "run", fault, "--listen", f"{host}:3389"],
            stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline().startswith("listening on ")
        yield ["ip", "netns", "exec", near]
    finally:
        stop.set()
        if server:
            server.kill()
            server.wait()
        for namespace in (near, far):
            subprocess.run(["ip", "netns", "del", namespace], check=False)
