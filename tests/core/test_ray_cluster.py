"""Workers of a cluster speak through the interface by which Ray knows their node."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import psutil
import pytest

from fitwright.core.ray_cluster import use_the_nodes_interface

INTERFACES = {one.address: name for name, found in psutil.net_if_addrs().items() for one in found}


@pytest.mark.skipif("127.0.0.1" not in INTERFACES, reason="no loopback interface is up")
@pytest.mark.parametrize(
    ("address", "given", "expected"),
    [
        ("127.0.0.1", None, INTERFACES.get("127.0.0.1")),
        ("127.0.0.1", "eth7", "eth7"),  # whoever says it knows better
        ("192.0.2.1", None, None),  # an address that is not this machine's
    ],
)
def test_gloo_takes_the_interface_of_the_nodes_address(
    monkeypatch: pytest.MonkeyPatch, address: str, given: str | None, expected: str | None
) -> None:
    ray = SimpleNamespace(util=SimpleNamespace(get_node_ip_address=lambda: address))
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", given or "")
    if given is None:
        monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    use_the_nodes_interface()
    assert os.environ.get("GLOO_SOCKET_IFNAME") == expected
