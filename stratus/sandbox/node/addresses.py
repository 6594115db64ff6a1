"""Pod addresses: each node has a /24 of 10.244.0.0/16, and gives an address again only after all others."""

from __future__ import annotations

from collections import deque


class Addresses:
    """The pod addresses of one node."""

    def __init__(self, node: int) -> None:
        self.range = f"10.244.{node}.0/24"
        self._free = deque(f"10.244.{node}.{host}" for host in range(2, 255))

    def allocate(self) -> str:
        """A free address. Raises IndexError when the range is used up."""
        return self._free.popleft()

    def release(self, address: str) -> None:
        self._free.append(address)
