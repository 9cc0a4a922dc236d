"""The values that travel through every stage. Standard library only."""

from fitwright.spec.budget import Budget, BudgetLine, Constraint
from fitwright.spec.device import Device
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Origin, Quantity, Unit
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

__all__ = [
    "MANIFEST_NAME",
    "Budget",
    "BudgetLine",
    "Constraint",
    "Device",
    "Manifest",
    "ModelSpec",
    "Origin",
    "Quantity",
    "Record",
    "Unit",
    "Workload",
]
