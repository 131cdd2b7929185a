"""Runs a real relay (rust-nostr's LocalRelay) on loopback for tests and the demo.

Prints `ready ws://...` once it answers. Stops on SIGTERM, SIGINT or the end of its standard input, so a
parent that dies takes the relay with it. With --auth write or --min-pow, --events have to comply, too.

Like many public relays it takes 20 filters a subscription and answers each with 500 events at most; none of its
options raises that.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
import socket
import stat
import sys
from urllib.parse import urlsplit

from nostr_sdk import (
    LocalRelayBuilder,
    LocalRelayBuilderNip42,
    LocalRelayBuilderNip42Mode,
    NostrSdkError,
    RateLimit,
)

UNLIMITED = 1_000_000


def options():
    parser = argparse.ArgumentParser(description="Runs a relay on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--events", help="a file of events, one JSON object a line, to start with")
    parser.add_argument("--auth", choices=["read", "write", "both"], help="what NIP-42 authentication is needed for")
    parser.add_argument("--filter-limit", type=int, default=500, help="most events a filter is answered with")
    parser.add_argument("--max-reqs", type=int, default=UNLIMITED, help="open subscriptions a connection")
    parser.add_argument("--notes-per-minute", type=int, default=UNLIMITED, help="events taken from a connection")
    parser.add_argument("--min-pow", type=int, default=0, help="NIP-13 difficulty asked of new events")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def load(path, url):
    """Publishes the events of a file, as a client would: the relay's own store takes them from nobody else."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip()]
    # The relay hangs up on a connection that has published some 6,000 events.
    chunks = [lines[at : at + 2_000] for at in range(0, len(lines), 2_000)]
    refused = sum(await asyncio.gather(*(publish(chunk, url) for chunk in chunks)), [])
    if refused:
        sys.exit(f"relay: {len(refused)} events were refused, the first: {refused[0]}")


async def publish(events, url):
    """Sends EVENT for each and returns the reasons of those that were refused."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    # More OKs than this under way overflow a queue of the relay's.
    room = asyncio.Semaphore(200)

    async def send():
        for event in events:
            await room.acquire()
            writer.write(text_frame(f'["EVENT",{event}]'.encode()))
            await writer.drain()

    sending = asyncio.create_task(send())
    refused = []
    for _ in events:
        message = await receive(reader)
        while message[0] != "OK":
            message = await receive(reader)
        room.release()
        if not message[2]:
            refused.append(message[3])
    await sending
    writer.close()
    return refused


def text_frame(payload):
    """A client's frame (RFC 6455) whose mask is zero, so that the payload stands as it is."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return b"\x81" + length + bytes(4) + payload


async def receive(reader):
    """The next text message; pings and the like are passed over."""
    while True:
        first, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
        if first & 0x0F == 1:
            return json.loads(payload)


def build(args):
    builder = LocalRelayBuilder().addr("127.0.0.1").port(args.port or free_port())
    builder = builder.rate_limit(RateLimit(max_reqs=args.max_reqs, notes_per_minute=args.notes_per_minute))
    builder = builder.default_filter_limit(args.filter_limit).max_filter_limit(args.filter_limit)
    if args.auth:
        mode = LocalRelayBuilderNip42Mode[args.auth.upper()]
        builder = builder.nip42(LocalRelayBuilderNip42(mode=mode))
    if args.min_pow:
        builder = builder.min_pow(args.min_pow)
    return builder.build()


async def start(args):
    """The relay, listening. The port that was free may be somebody else's by then, and another one does."""
    for _ in range(20):
        relay = build(args)
        try:
            await relay.run()
            return relay
        except NostrSdkError:
            if args.port:
                raise
    sys.exit("relay: no port is to be had")


def stop_signal(loop):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A terminal or /dev/null says nothing about the parent; a pipe's end does.
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        loop.add_reader(sys.stdin, lambda: os.read(sys.stdin.fileno(), 4096) or stop.set())
    return stop


async def main():
    args = options()
    stop = stop_signal(asyncio.get_running_loop())
    relay = await start(args)
    url = str(await relay.url())
    if args.events:
        await load(args.events, url)
    print(f"ready {url}", flush=True)
    await stop.wait()
    relay.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
    # The relay's threads live on, and crash in the interpreter's own farewell.
    os._exit(0)
