"""Control groups as Docker, Kubernetes, systemd and old kernels lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.sizing.hardware.limits import Limits, read_limits

NO_LIMIT = "9223372036854771712"


def tree(root: Path, **files: str) -> Path:
    """Files below ``root``; ``__`` in a name stands for a folder."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("~", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def membership(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "membership"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_container_of_version_2_shows_its_limits_at_the_root(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        **{
            "cpu~max": "250000 100000",
            "memory~max": "2147483648",
            "memory~current": "1073741824",
            "memory~stat": "anon 600000000\ninactive_file 73741824\nactive_file 1",
        },
    )
    found = read_limits(root, membership(tmp_path, "0::/"))
    assert found == Limits(cores=2.5, memory_bytes=2 * 2**30, memory_free_bytes=2**30 + 73741824)


def test_the_tightest_of_all_levels_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        **{
            "user~slice__memory~max": "4000",
            "user~slice__memory~current": "3900",
            "user~slice__app__memory~max": "max",
            "user~slice__app__cpu~max": "max 100000",
            "user~slice__cpu~max": "300000 100000",
            "user~slice__app__job__cpu~max": "400000 100000",
            "user~slice__app__job__memory~max": "9000",
            "user~slice__app__job__memory~current": "1000",
        },
    )
    found = read_limits(root, membership(tmp_path, "0::/user.slice/app/job"))
    assert found == Limits(cores=3.0, memory_bytes=4000, memory_free_bytes=100)


def test_version_1_is_read_where_its_controllers_are_mounted(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        **{
            "cpu__docker__abc__cpu~cfs_quota_us": "50000",
            "cpu__docker__abc__cpu~cfs_period_us": "100000",
            "memory__docker__abc__memory~limit_in_bytes": "1000000",
            "memory__docker__abc__memory~usage_in_bytes": "400000",
            "memory__docker__abc__memory~stat": "cache 1\ntotal_inactive_file 150000",
            "memory__memory~limit_in_bytes": NO_LIMIT,
        },
    )
    groups = membership(tmp_path, "5:cpu,cpuacct:/docker/abc", "4:memory:/docker/abc", "0::/")
    assert read_limits(root, groups) == Limits(cores=0.5, memory_bytes=1000000, memory_free_bytes=750000)


def test_a_group_that_is_mounted_elsewhere_is_still_bounded_by_the_root(tmp_path: Path) -> None:
    """A container without its own namespace: the path of the host is not there, its root is the container."""
    root = tree(tmp_path / "cgroup", **{"memory__memory~limit_in_bytes": "5000"})
    found = read_limits(root, membership(tmp_path, "4:memory:/kubepods/pod1/c2"))
    assert found.memory_bytes == 5000


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu~max": "max 100000", "memory~max": "max"},
        {"cpu~max": "nonsense", "memory~max": "12 apples"},
        {"cpu__cpu~cfs_quota_us": "-1", "cpu__cpu~cfs_period_us": "100000"},
        {"memory__memory~limit_in_bytes": NO_LIMIT},
    ],
)
def test_no_limit_is_none(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "cgroup").mkdir()
    assert read_limits(tree(tmp_path / "cgroup", **files), membership(tmp_path, "0::/")) == Limits()


def test_nothing_to_read_is_no_limit(tmp_path: Path) -> None:
    assert read_limits(tmp_path / "none", tmp_path / "neither") == Limits()


def test_more_in_use_than_allowed_leaves_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path / "cgroup", **{"memory~max": "100", "memory~current": "140"})
    assert read_limits(root, membership(tmp_path, "0::/")).memory_free_bytes == 0
