"""What every law can do. Legend of shapes: R runs, B problems at once, P parameters, S starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fitwright.scaling.cells import Array, Cells


class Law(Protocol):
    """A form L(N, D, U) of P numbers, fitted in an inner scale (logarithms of coefficients, exponents)."""

    @property
    def name(self) -> str:
        """As ``--law`` takes it."""

    @property
    def formula(self) -> str:
        """For people."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The public names, for example ``E, A, B, alpha, beta``; a tied form has more of them than P."""

    @property
    def inner_names(self) -> tuple[str, ...]:
        """The public name that each of the P inner numbers stands for."""

    def box(self) -> tuple[Array, Array]:
        """(P,) and (P,): lowest and highest inner values."""

    def log_loss_and_slope(self, theta_BP: Array, cells: Cells) -> tuple[Array, Array]:
        """(B, R) and (B, P, R): the logarithm of the loss and its derivative by each inner number."""

    def starts(self, cells: Cells, loss_R: Array, weight_BR: Array, count: int) -> Array:
        """(B, count, P): where to begin for each of B weightings of the runs, the most promising first."""

    def public(self, theta_BP: Array, cells: Cells) -> dict[str, Array]:
        """Name → (B,) public values of inner ones, which are relative to the cells' reference."""

    def inner(self, values: Mapping[str, float], cells: Cells) -> Array:
        """(P,): the inverse of :meth:`public` for one problem."""
