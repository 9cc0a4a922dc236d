from fitwright.catalog.names import find
from fitwright.selection.choices import Rejection
from fitwright.selection.limits import Miss
from fitwright.selection.nearest import nearest_of


def miss(name, excess, limit=100.0):
    return Miss(
        constraint=name, reason="", limit=limit, best=limit * (1 + excess), likely=limit * (1 + excess) * 1.5,
        excess=excess, unit="B",
    )  # fmt: skip


def rejection(model, *missed):
    return Rejection(spec=find(model), missed=missed)


def test_the_worst_miss_decides_not_the_least():
    found = nearest_of(
        [
            rejection("bert-large", miss("memory", 9.0), miss("size", 0.01)),
            rejection("bert-base", miss("memory", 0.5), miss("size", 0.4)),
            rejection("bert-tiny", miss("memory", 0.6)),
        ]
    )
    assert found.rejection.spec.name == "BERT-Base (uncased)"
    assert found.relax == {"memory": 225.0, "size": 210.0}
    assert found.advice[0] == "relax memory from 100 B to 225 B (its optimistic estimate: 150 B)"


def test_of_equals_the_one_that_misses_fewer():
    found = nearest_of(
        [
            rejection("bert-base", miss("memory", 0.5), miss("size", 0.1)),
            rejection("bert-tiny", miss("memory", 0.5)),
        ]
    )
    assert found.rejection.spec.name == "BERT-Tiny"


def test_a_model_without_what_was_wished_for_is_never_the_nearest():
    wish = Miss(constraint="language", reason="")
    found = nearest_of([rejection("bert-tiny", wish), rejection("bert-large", miss("size", 30.0))])
    assert found.rejection.spec.name == "BERT-Large (uncased)"
    assert nearest_of([rejection("bert-tiny", wish)]).rejection is None


def test_a_device_is_changed_and_a_row_is_split():
    found = nearest_of([rejection("bert-base", miss("device memory", 0.5), miss("sequence", 0.2))])
    assert found.advice[0].startswith("take a device with 225 B instead of 100 B")
    assert found.advice[1].startswith("shorten the rows from 100 B")
