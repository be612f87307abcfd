"""Joins a wire and a tap, and holds every frame for a while: netem for kernels that have none.

delay-line.py WIRE TAP MILLISECONDS    a line with another number on stdin changes it; ends with stdin

Frames carry their offloads (a virtio_net_hdr before each), so checksums that nobody has computed yet stay good.
"""

import collections
import fcntl
import os
import select
import socket
import struct
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x0002, 0x1000, 0x4000
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 15, 23, 3

wire_name, tap_name, delay = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000

tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", tap_name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
wire.bind((wire_name, ETH_P_ALL))
wire.setsockopt(
    SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("IHH8x", socket.if_nametoindex(wire_name), PACKET_MR_PROMISC, 0)
)
wire.setblocking(False)

to_tap, to_wire = collections.deque(), collections.deque()


def take(read, queue):
    """Everything that is there, up to a bound, so that neither direction starves."""
    for _ in range(64):
        try:
            frame = read()
        except OSError:
            return  # nothing more, or the link is down: that is told once, and frames come again when it is up
        queue.append((time.monotonic() + delay, frame))


def give(queue, write):
    while queue and queue[0][0] <= time.monotonic():
        try:
            write(queue.popleft()[1])
        except OSError:
            pass  # a full queue or a link that is down loses frames, as a cable does


def send(frame):
    wire.send(frame)


print("ready", flush=True)
while True:
    due = [queue[0][0] for queue in (to_tap, to_wire) if queue]
    wait = max(0.0, min(due) - time.monotonic()) if due else None
    readable, _, _ = select.select([tap, wire, sys.stdin], [], [], wait)
    if sys.stdin in readable:
        line = sys.stdin.readline()
        if not line:
            break
        delay = float(line) / 1000
        print("ready", flush=True)
    if tap in readable:
        take(lambda: os.read(tap, 1 << 17), to_wire)
    if wire in readable:
        take(lambda: wire.recv(1 << 17), to_tap)
    give(to_tap, lambda frame: os.write(tap, frame))
    give(to_wire, send)
