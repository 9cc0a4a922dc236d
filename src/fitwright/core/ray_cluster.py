"""A Ray cluster: the one that is asked for, the one that this machine belongs to, or one of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where to work side by side.

    Attributes:
        address: of the head, ``HOST:PORT``; by default this machine's cluster, else one for the while.
        workers: at once; as many as there is room for unless told.
    """

    address: str | None = None
    workers: int | None = None


def cpus_of(ray: Any) -> int:
    """Of all nodes of the connected cluster."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def most_cpus_of_a_node(ray: Any) -> int:
    """Of the living node of the connected cluster that has the most."""
    return max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=0)


@contextlib.contextmanager
def on_cluster(address: str | None, *, dashboard: bool = False) -> Iterator[Any]:
    """Inside the block ``ray`` is connected; it is the value. What the block connected it takes away.

    Args:
        address: of the head, ``HOST:PORT``; by default this machine's cluster, else one for the while.
        dashboard: whether one of its own has Ray's web page, which Ray Train asks about its actors.

    Raises:
        UsageError: there is no such cluster.
    """
    ray = require("ray")
    if ray.is_initialized():
        yield ray
        return
    _connect(ray, address, dashboard=dashboard)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str | None, *, dashboard: bool) -> None:
    """Join. Workers find this package where this process finds it."""
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    paths = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, given))} if given else {}
    hook = f"{use_the_nodes_interface.__module__}.{use_the_nodes_interface.__name__}"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of its own reports to nobody
    try:
        ray.init(
            address=address, log_to_driver=True, logging_level="ERROR", include_dashboard=dashboard,
            runtime_env={"env_vars": paths, "worker_process_setup_hook": hook},
        )  # fmt: skip
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            "there is no Ray cluster", got=address,
            mend="Start one with 'ray start --head', or give --address local for one of its own.",
        ) from error  # fmt: skip


def use_the_nodes_interface() -> None:
    """Let Gloo speak through the interface by which Ray reaches this node; in every worker, at its start.

    Left alone, Gloo takes the address that the machine's own name resolves to, which on many is 127.0.0.1:
    the other nodes then wait for themselves.
    """
    if "GLOO_SOCKET_IFNAME" in os.environ:
        return
    address = require("ray").util.get_node_ip_address()
    for interface, addresses in require("psutil").net_if_addrs().items():
        if any(one.address == address for one in addresses):
            os.environ["GLOO_SOCKET_IFNAME"] = interface
