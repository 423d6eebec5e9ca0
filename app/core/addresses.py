"""Which addresses of the network the service may call: public ones, and those an operator named.

The library's own ``is_global`` lets multicast, NAT64, IPv4-compatible and site-local addresses
through, so the ranges are written out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; the metadata service of clouds lives here
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Everything public in IPv6 lies in this block; the others hold loopback, mapped and compatible
# IPv4, NAT64, private, link-local, site-local and multicast addresses.
_PUBLIC_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",
    )
)


def is_public(network: Network | Address) -> bool:
    """Whether an address, or every address of a network, is one of the public internet."""
    if isinstance(network, IPv4Address | IPv6Address):
        network = ip_network(plain(network))
    if isinstance(network, IPv4Network):
        return not any(network.overlaps(refused) for refused in _REFUSED_V4)
    inside = network.subnet_of(_PUBLIC_V6)
    return inside and not any(network.overlaps(refused) for refused in _REFUSED_V6)


def plain(address: Address) -> Address:
    """The IPv4 address of an IPv4-mapped one, any other without its zone."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """A network that may be called though it need not be public; ``port`` None means any."""

    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        """Whether it allows this address and port."""
        return self.port in (None, port) and plain(address) in self.network


def parse_allowed(text: str) -> tuple[AllowedNetwork, ...]:
    """Read ``127.0.0.0/8:*, 10.1.2.3/32:8443``. Raises ValueError."""
    return tuple(_allowed(item.strip()) for item in text.split(",") if item.strip())


def _allowed(item: str) -> AllowedNetwork:
    network, _, port = item.rpartition(":")
    if port != "*" and not (port.isdecimal() and port.isascii() and 0 < int(port) < 65_536):
        raise ValueError("write each network as <network>/<prefix>:<port or *>")
    return AllowedNetwork(ip_network(network), None if port == "*" else int(port))


def parse_address(text: str) -> Address:
    """An address as the resolver gives it. Raises ValueError."""
    return ip_address(text)
