"""Addresses of clusters: whether somebody listens there."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from typing import Optional, Tuple

# Seconds in which a cluster that is being started begins to listen.
PATIENCE = 10.0


def split(address: str) -> Optional[Tuple[str, int]]:
    """Returns the host and the port of HOST:PORT or [IPV6]:PORT, None for any other text."""
    found = re.fullmatch(r"(?:\[(.+)\]|([^:/\s]+)):(\d{1,5})", address)
    return (found[1] or found[2], int(found[3])) if found and int(found[3]) < 1 << 16 else None


def why_closed(host: str, port: int, patience: float = PATIENCE) -> str:
    """Returns why nobody can connect, or "" if one can. A refused connection is tried again for that time."""
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host, port), PATIENCE).close()
            return ""
        except OSError as e:
            if not isinstance(e, ConnectionRefusedError) or time.monotonic() >= until:
                return e.strerror or str(e)
        time.sleep(0.2)


def answer(host: str, port: int, patience: float = 1.0) -> str:
    """Returns the first line with which a service answers within that time to a short HTTP request, "" if it does not.

    The request has 7 bytes. A Spark master does not answer less than the 8 bytes of a message's length, and closes the connection
    as soon as this side has. A TLS alert is no answer: a master with TLS sends one, too.
    """
    try:
        with socket.create_connection((host, port), PATIENCE) as s:
            s.settimeout(patience)
            s.sendall(b"GET /\r\n")
            s.shutdown(socket.SHUT_WR)  # some services wait for more
            said = s.recv(80)
    except OSError:
        return ""
    if said.startswith(b"\x15\x03"):
        return ""
    return said.split(b"\n")[0].decode("ascii", "replace").strip()


def is_loopback(host: str) -> bool:
    """Reports whether all addresses of a host are loopback addresses."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(a[4][0]).split("%")[0]).is_loopback for a in found)
