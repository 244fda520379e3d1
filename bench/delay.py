"""Two network namespaces, and a network between them that takes a time for each packet. Runs one command in each.

Needs root and /dev/net/tun. Used by far.ts: python3 delay.py MILLISECONDS HERE THERE, each a shell command. HERE has the
address 10.77.0.1, THERE 10.77.0.2. Ends with HERE.
"""
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def run(*command):
    subprocess.run(command, check=True)


def end_of(name, own, other):
    """One end of the network: its file, whose packets are those of an interface in a namespace of this name."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    run("ip", "netns", "add", name)
    run("ip", "link", "set", name, "netns", name)
    inside = ("ip", "-n", name)
    run(*inside, "address", "add", own, "peer", other, "dev", name)
    run(*inside, "link", "set", name, "up")
    run(*inside, "link", "set", "lo", "up")
    return file


def main():
    delay = float(sys.argv[1]) / 1000
    names = [f"hl7h{os.getpid()}", f"hl7t{os.getpid()}"]
    commands = []
    try:
        files = [
            end_of(names[0], "10.77.0.1", "10.77.0.2"),
            end_of(names[1], "10.77.0.2", "10.77.0.1"),
        ]
        for name, command in zip(reversed(names), reversed(sys.argv[2:4])):
            commands.append(subprocess.Popen(["ip", "netns", "exec", name, "sh", "-c", f"exec {command}"]))
        waiting = collections.deque()
        while commands[1].poll() is None:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, to, packet = waiting.popleft()
                os.write(to, packet)
            wait = max(0, waiting[0][0] - now) if waiting else 0.1
            ready, _, _ = select.select(files, [], [], wait)
            for file in ready:
                to = files[1] if file == files[0] else files[0]
                waiting.append((time.monotonic() + delay, to, os.read(file, 65536)))
        return commands[1].returncode
    finally:
        for command in commands:
            command.terminate()
            command.wait()
        for name in names:
            subprocess.run(("ip", "netns", "del", name), stderr=subprocess.DEVNULL, check=False)


sys.exit(main())
