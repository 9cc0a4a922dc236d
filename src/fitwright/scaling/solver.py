"""Many robust fits at once: Huber's loss on log residuals, minimised by damped Newton steps.

Legend of shapes: R runs, B problems, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitwright.scaling.cells import Array, Cells
from fitwright.scaling.laws.interface import Law

DELTA = 1e-3
"""Where Huber's loss turns from square to straight, in log loss (Hoffmann et al. 2022, section 3.3)."""
_ENOUGH, _STALLED, _MOST_STEPS = 1e-11, 1e9, 400
_NUMBERS_PER_CHUNK = 3_000_000
_LEAST_MIX = 1e-4


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Where B fits ended: inner parameters (B, P), objectives (B,)."""

    theta: Array
    objective: Array


def huber(residual: Array, delta: float = DELTA) -> Array:
    """½r² inside ±delta, delta·(|r| − ½delta) outside (Huber 1964)."""
    size = np.abs(residual)
    inside = np.minimum(size, delta)
    return inside * (size - 0.5 * inside)


def minimise(
    law: Law, cells: Cells, log_loss_R: Array, weight_BR: Array, start_BP: Array, *,
    fixed_P: NDArray[np.bool_] | None = None, most_steps: int = _MOST_STEPS,
) -> Solution:  # fmt: skip
    """Minimise Σ weight·huber(law − log loss) for each of B weightings from its own start.

    Each step solves (JᵀVJ + λ·diag)·Δ = Jᵀψ with the analytic slope J. V lies between Newton's weights (1
    inside ±delta, else 0: fast, may overshoot) and those of reweighted least squares (delta/|r| outside: the
    objective cannot rise on a straight line, slow); where it lies follows from whether the last step helped.

    Args:
        fixed_P: parameters that stay where they start.

    Returns:
        The best point of each problem; a problem that stalls keeps the best it had.
    """
    chunk = max(1, _NUMBERS_PER_CHUNK // (len(cells) * start_BP.shape[1]))
    parts = [
        _minimise(
            law, cells, log_loss_R, weight_BR[at : at + chunk], start_BP[at : at + chunk], fixed_P, most_steps
        )
        for at in range(0, len(start_BP), chunk)
    ]
    return Solution(
        theta=np.concatenate([part.theta for part in parts]),
        objective=np.concatenate([part.objective for part in parts]),
    )


def _minimise(
    law: Law, cells: Cells, log_loss_R: Array, weight_BR: Array, start_BP: Array,
    fixed_P: NDArray[np.bool_] | None, most_steps: int,
) -> Solution:  # fmt: skip
    low, high = law.box()
    best = np.clip(start_BP, low, high)
    if fixed_P is not None:
        best = np.where(fixed_P, start_BP, best)
    ended = _Ended(best)
    state = _State(law, cells, log_loss_R, weight_BR, best)
    mix, damping = np.ones(len(best)), np.full(len(best), 1e-3)
    quiet, at = np.zeros(len(best), int), np.arange(len(best))
    for _ in range(most_steps):
        step = state.step(mix, damping, fixed_P)
        tried = np.clip(state.theta - step, low, high)
        if fixed_P is not None:
            tried = np.where(fixed_P, state.theta, tried)
        gain = state.move(tried)
        better = gain > 0
        mix = np.where(better, np.maximum(mix * 0.4, _LEAST_MIX), np.minimum(mix * 6, 1.0))
        damping = np.where(better, np.maximum(damping * 0.3, 1e-9), damping * np.where(mix >= 1, 8.0, 1.0))
        small = gain < _ENOUGH + 1e-9 * state.objective
        quiet = np.where(better, np.where(small, quiet + 1, 0), quiet)
        done = (quiet >= 3) | (damping > _STALLED)
        if done.any():
            ended.keep(at[done], state.theta[done], state.objective[done])
            left = ~done
            at, mix, damping, quiet = at[left], mix[left], damping[left], quiet[left]
            state.restrict(left)
            if not len(at):
                break
    ended.keep(at, state.theta, state.objective)
    return Solution(theta=ended.theta, objective=ended.objective)


class _Ended:
    """Results in the order of the problems."""

    def __init__(self, start_BP: Array) -> None:
        self.theta, self.objective = start_BP.copy(), np.full(len(start_BP), np.inf)

    def keep(self, at: NDArray[np.intp], theta: Array, objective: Array) -> None:
        self.theta[at], self.objective[at] = theta, objective


class _State:
    """The problems still at work, each at its best point with residuals and slope there."""

    def __init__(self, law: Law, cells: Cells, log_loss_R: Array, weight_BR: Array, theta: Array) -> None:
        self._law, self._cells, self._log_loss, self._weight = law, cells, log_loss_R, weight_BR
        self.theta = theta
        self._residual, self._slope, self.objective = self._at(theta)

    def _at(self, theta: Array) -> tuple[Array, Array, Array]:
        log_loss, slope = self._law.log_loss_and_slope(theta, self._cells)
        residual = log_loss - self._log_loss
        objective = np.einsum("br,br->b", self._weight, huber(residual))
        return residual, slope, np.where(np.isfinite(objective), objective, np.inf)

    def step(self, mix: Array, damping: Array, fixed_P: NDArray[np.bool_] | None) -> Array:
        size = np.abs(self._residual)
        outside = size > DELTA
        bend = np.where(outside, mix[:, None] * (DELTA / np.maximum(size, DELTA)), 1.0) * self._weight
        pull = np.clip(self._residual, -DELTA, DELTA) * self._weight
        hessian = np.matmul(self._slope * bend[:, None, :], self._slope.transpose(0, 2, 1))
        gradient = np.matmul(self._slope, pull[:, :, None])
        diagonal = np.einsum("bpp->bp", hessian)
        floor = 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
        diagonal += damping[:, None] * diagonal + floor  # a view: writes into hessian
        if fixed_P is not None:
            hessian[:, fixed_P, :] = 0.0
            hessian[:, :, fixed_P] = 0.0
            hessian[:, fixed_P, fixed_P] = 1.0
            gradient[:, fixed_P] = 0.0
        return np.asarray(np.linalg.solve(hessian, gradient)[:, :, 0])

    def move(self, tried: Array) -> Array:
        """Take the tried points where they are better; (B,) by how much each was."""
        residual, slope, objective = self._at(tried)
        gain = self.objective - objective
        gain = np.where(np.isfinite(gain), gain, -np.inf)
        better = gain > 0
        self.theta = np.where(better[:, None], tried, self.theta)
        self._residual = np.where(better[:, None], residual, self._residual)
        self._slope = np.where(better[:, None, None], slope, self._slope)
        self.objective = np.where(better, objective, self.objective)
        return gain

    def restrict(self, left: NDArray[np.bool_]) -> None:
        self.theta, self.objective = self.theta[left], self.objective[left]
        self._residual, self._slope = self._residual[left], self._slope[left]
        self._weight = self._weight[left]
