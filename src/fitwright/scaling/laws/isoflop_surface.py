"""Parabolas in log size whose lowest points follow power laws of compute.

L = E + K/C^gamma · (1 + h·(ln N − ln N*)²),  N* = G·C^a,  C = 6·N·D

Approach 2 of Hoffmann et al. 2022, joined into one surface: their parabola for each budget shares its
curvature, in units of the loss above the floor, with all others. Known error: a parabola is symmetric and the
true curve is not, which moves the lowest point the more the wider the grid of sizes is (4 to 5 % of the
intercept on wide grids). Legend of shapes: R runs, B problems, P parameters, S starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fitwright.scaling.cells import Array, Cells

_GAMMAS = np.geomspace(0.03, 0.5, 12)
_NAMES = ("E", "K", "gamma", "G", "a", "h")
_E, _K, _GAMMA, _G, _SLOPE, _H = range(6)


@dataclass(frozen=True)
class IsoflopSurface:
    """The surface; inner numbers are log E, log K, gamma, log G, a, log h around the cells' reference."""

    name: str = "isoflop"
    formula: str = "L = E + K/C^gamma·(1 + h·ln²(N/N*)), N* = G·C^a"

    @property
    def parameters(self) -> tuple[str, ...]:
        return _NAMES

    @property
    def inner_names(self) -> tuple[str, ...]:
        return _NAMES

    def box(self) -> tuple[Array, Array]:
        return np.array([-60.0, -60, 0.01, -60, 0.0, -9]), np.array([60.0, 60, 2, 60, 1.0, 3])

    def log_loss_and_slope(self, theta_BP: Array, cells: Cells) -> tuple[Array, Array]:
        floor, scale, gamma, place, rate, bend = (theta_BP[:, i, None] for i in range(6))
        compute = cells.size + cells.data
        off = cells.size - place - rate * compute
        best, curve = np.exp(scale - gamma * compute), np.exp(bend)
        above = best * (1 + curve * off**2)
        loss = np.exp(floor) + above
        by_place = -2 * best * curve * off / loss
        slope = np.stack([
            np.broadcast_to(np.exp(floor), loss.shape) / loss, above / loss, -above * compute / loss,
            by_place, by_place * compute, best * curve * off**2 / loss,
        ], axis=1)  # fmt: skip
        return np.log(loss), slope

    def starts(self, cells: Cells, loss_R: Array, weight_BR: Array, count: int) -> Array:
        """For gammas on a grid, E and a parabola times a power of compute by linear least squares."""
        compute, size = cells.size + cells.data, cells.size
        found = []
        for gamma in _GAMMAS:
            fall = np.exp(-gamma * compute)
            flat = [np.ones_like(size), fall, fall * size, fall * compute,
                    fall * size**2, fall * size * compute, fall * compute**2]  # fmt: skip
            design = np.stack(flat) / loss_R
            matrix = np.einsum("br,kr,lr->bkl", weight_BR, design, design, optimize=True)
            right = weight_BR @ design.T
            ridge = 1e-9 * np.einsum("bkk->b", matrix)[:, None, None] * np.eye(len(flat))
            c = np.linalg.solve(matrix + ridge, right[..., None])[..., 0]
            error = np.einsum("bk,bkl,bl->b", c, matrix, c, optimize=True) - 2 * np.einsum(
                "bk,bk->b", c, right
            )
            curve = np.maximum(c[:, 4], 1e-3)
            rate = np.clip(-c[:, 5] / (2 * curve), 0.2, 0.8)
            place = np.clip(-c[:, 2] / (2 * curve), size.min(), size.max())
            scale = np.maximum(c[:, 1] - curve * place**2, 0.05)
            floor = np.maximum(c[:, 0], 0.05)
            bend = np.clip(curve / scale, 1e-3, 1.0)
            theta = [np.log(floor), np.log(scale), np.full_like(scale, gamma), place, rate, np.log(bend)]
            found.append((error, np.stack(theta, axis=1)))
        error = np.stack([e for e, _ in found], axis=1)
        order = np.argsort(error, axis=1)[:, :count]
        starts = np.stack([t for _, t in found], axis=1)
        return np.asarray(starts[np.arange(len(weight_BR))[:, None], order])

    def public(self, theta_BP: Array, cells: Cells) -> dict[str, Array]:
        shift = _compute_reference(cells)
        gamma, rate = theta_BP[:, _GAMMA], theta_BP[:, _SLOPE]
        return {
            "E": np.exp(theta_BP[:, _E]), "K": np.exp(theta_BP[:, _K] + gamma * shift), "gamma": gamma,
            "G": np.exp(theta_BP[:, _G] + cells.size_reference - rate * shift), "a": rate,
            "h": np.exp(theta_BP[:, _H]),
        }  # fmt: skip

    def inner(self, values: Mapping[str, float], cells: Cells) -> Array:
        shift, gamma, rate = _compute_reference(cells), values["gamma"], values["a"]
        return np.array([
            np.log(values["E"]), np.log(values["K"]) - gamma * shift, gamma,
            np.log(values["G"]) - cells.size_reference + rate * shift, rate, np.log(values["h"]),
        ])  # fmt: skip


def _compute_reference(cells: Cells) -> float:
    return float(np.log(6.0) + cells.size_reference + cells.data_reference)
