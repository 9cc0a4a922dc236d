"""Items for a cluster: asked for when there is room, answered as they end; what fails is said plainly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.core.ray_tasks import side_by_side


class LostError(Exception):
    """What Ray raises of a worker that died."""


class RaisedError(LostError):
    """What Ray raises of work that raised something."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("a traceback\nof many lines")
        self.cause = cause


class Queue(list[Any]):
    """Ray's, without an actor that keeps it."""

    def __init__(self, actor_options: Any) -> None:
        assert actor_options["num_cpus"] == 0  # it must not take a place from the work

    def put(self, item: Any) -> None:
        self.append(item)

    def qsize(self) -> int:
        return len(self)

    def get_nowait_batch(self, count: int) -> list[Any]:
        taken, self[:] = self[:count], self[count:]
        return taken

    def shutdown(self, *, force: bool) -> None:
        self.clear()


class Cluster:
    """Ray, whose tasks run when they are asked for; ``most``: that were under way at once."""

    exceptions = SimpleNamespace(RayError=LostError, RayTaskError=RaisedError)

    def __init__(self) -> None:
        self.answers, self.most, self.cancelled = dict[int, Any](), 0, list[int]()

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": alive, "Resources": resources}
            for alive, resources in ((True, {"CPU": 2.0}), (False, {"CPU": 16.0}), (True, {"memory": 1e9}))
        ]

    def put(self, value: Any) -> Any:
        return value

    def remote(self, *, num_cpus: int, max_retries: int) -> Callable[[Any], Any]:
        assert num_cpus == 2
        assert max_retries > 0

        def start(*given: Any) -> int:
            self.answers[len(self.answers)] = given
            return len(self.answers) - 1

        return lambda do: SimpleNamespace(remote=lambda *given: start(do, *given))

    def wait(self, tasks: list[int], *, timeout: float) -> tuple[list[int], list[int]]:
        self.most = max(self.most, len(tasks))
        return tasks[:1], tasks[1:]

    def get(self, task: int) -> Any:
        do, *given = self.answers[task]
        return do(*given)

    def cancel(self, task: int, *, force: bool) -> None:
        self.cancelled.append(task)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for name in ("ray", "ray.util"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ray.util.queue", SimpleNamespace(Queue=Queue))
    return Cluster()


def test_an_item_may_depend_on_the_answers_so_far(cluster: Cluster) -> None:
    answers: dict[int, int] = {}

    def items() -> Iterator[int]:
        for number in range(5):
            assert len(answers) >= number - 1  # asked for when there is room, not before
            yield number + 1

    def work(item: int, tell: Any) -> int:
        tell(item / 2)
        return item * item

    heard: list[tuple[int, float]] = []
    for item, answer in side_by_side(
        cluster, work, items(), most=2, cpus=2, hear=lambda item, what: heard.append((item, what))
    ):
        answers[item] = answer
    assert answers == {number: number * number for number in range(1, 6)}
    assert cluster.most == 2
    assert heard[:2] == [(1, 0.5), (2, 1.0)]


@pytest.mark.parametrize(
    ("raised", "expected", "code"),
    [
        (UsageError("no such column", got="x"), "b: no such column; got 'x'", 2),
        (RaisedError(KeyError("x")), "b: KeyError: 'x'", 3),
        (LostError("a long story\nthe node died"), "b: its worker failed again and again.* the node died", 3),
    ],
)
def test_what_ends_one_ends_all_and_says_which(
    cluster: Cluster, raised: Exception, expected: str, code: int
) -> None:
    def work(item: str, tell: Any) -> str:
        if item == "b":
            raise raised
        return item

    found = side_by_side(cluster, work, iter("abcd"), most=3, cpus=2, hear=lambda *_: None)
    assert next(found) == ("a", "a")
    with pytest.raises(RunError, match=expected) as caught:
        next(found)
    assert caught.value.exit_code == code
    assert cluster.cancelled == [2, 3]  # those under way are not left behind


def test_work_that_no_node_has_room_for_is_refused(cluster: Cluster) -> None:
    found = side_by_side(cluster, lambda *_: None, iter("a"), most=1, cpus=3, hear=lambda *_: None)
    with pytest.raises(UsageError, match=r"got 3; allowed: up to 2.*--threads"):
        next(found)
