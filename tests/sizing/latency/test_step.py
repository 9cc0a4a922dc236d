import dataclasses

import pytest

from fitwright.sizing import devices
from fitwright.sizing.latency.step import operators, optimiser_bytes
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload
from tests.sizing.trace.made import training_step

CPU, T4 = Device(name="two cores", kind="cpu", cores=2), devices.find("t4")


def test_parts_of_a_batch_run_every_operator_as_often():
    whole = operators(training_step(), Workload(mode="train", batch=12, seq=5))
    parts = operators(training_step(), Workload(mode="train", batch=12, accumulation=4, seq=5))
    assert [op.count for op in parts] == [4 * op.count for op in whole]
    assert parts[0].dims == (1, 3 * 5, 10, 10)
    assert whole[0].dims == (1, 12 * 5, 10, 10)


@pytest.mark.parametrize(("optimiser", "passes"), [("adamw", 3 + 2 * 2), ("sgd", 3), ("sgd-momentum", 3 + 2)])
def test_an_optimiser_step_moves_weights_gradients_and_states(optimiser, passes):
    """One matrix of 100 fp32 values: read weight and gradient, write weight; each state read and written."""
    found = optimiser_bytes(training_step(), Workload(mode="train", optimiser=optimiser), T4)
    assert found == passes * 400


def test_only_what_is_trained_is_stepped():
    adapters = dataclasses.replace(training_step(), trained=(((10,), 1),))
    workload = Workload(mode="train", optimiser="sgd")
    assert optimiser_bytes(adapters, workload, CPU) == 3 * 40
    assert optimiser_bytes(adapters, Workload(), CPU) == 0
