"""IP addresses and networks, read in one way everywhere: IPv4-mapped IPv6 is IPv4."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=16384)
def parse_address(text: str) -> Address | None:
    """The address, IPv4-mapped IPv6 as IPv4, zone dropped; None when it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """Networks or single addresses; host bits are ignored, ::ffff:a.b.c.d/n is IPv4. Raises ValueError."""
    found: list[Network] = []
    for cidr in cidrs:
        network = ipaddress.ip_network(cidr.strip(), strict=False)
        if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
            mapped = network.network_address.ipv4_mapped
            if mapped is not None:
                network = ipaddress.IPv4Network((mapped, network.prefixlen - 96))
        found.append(network)
    return tuple(found)


def contains(networks: Iterable[Network], address: Address | None) -> bool:
    """Whether the address lies in one of the networks; an unknown address lies in none."""
    return address is not None and any(address in network for network in networks)
