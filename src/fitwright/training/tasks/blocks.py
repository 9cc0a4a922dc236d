"""Rows of language modelling: blocks of one length cut from a stream of tokens, so that nothing is padded.

Legend of shape suffixes: N blocks, B blocks of a batch, T tokens of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitwright.data.token_blocks import Stream
from fitwright.training.batches import Batch, Counts
from fitwright.training.tasks.next_token import IGNORED

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class CausalBlocks:
    """Blocks of which every token is predicted from those before it.

    Attributes:
        blocks: (N, T + 1): a block and the token after it, so that all T places have a target.
        seen: blocks that are trained on, to be judged beside these in an evaluation: what was memorised.
    """

    blocks: Stream
    seen: CausalBlocks | None = None

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def lengths(self) -> Sequence[int]:
        """T of each block."""
        return [self.blocks.shape[1] - 1] * len(self)

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those blocks hold; every token is a target."""
        tokens = len(rows) * (self.blocks.shape[1] - 1)
        return Counts(rows=len(rows), tokens=tokens, targets=tokens)

    def batch(
        self,
        rows: Sequence[int],
        device: torch.device,
        *,
        step: Counts | None = None,
        epoch: int = 0,  # noqa: ARG002
    ) -> Batch:
        """``input_ids`` (B, T) and labels (B, T), each the next token."""
        import torch

        chosen = torch.from_numpy(self.blocks[list(rows)].astype(np.int64)).to(device)
        counts = self.counts(rows)
        return Batch(
            inputs={"input_ids": chosen[:, :-1].contiguous()}, labels=chosen[:, 1:].contiguous(),
            counts=counts, step=step or counts,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Masking:
    """How tokens are hidden (Devlin et al. 2019, section 3.1): of the chosen ones 80 % become the mask, 10 %
    another token, 10 % stay.

    Attributes:
        share: of a block's places that are chosen: exactly so many, rounded, at least one.
        mask_id: id of the mask. vocabulary: ids below it may replace a token.
        seed: with epoch and block it determines what is chosen; there is no other state.
    """

    share: float
    mask_id: int
    vocabulary: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class MaskedBlocks:
    """Blocks of which some tokens are hidden, others in every epoch.

    Attributes:
        blocks: (N, T) text alone. before, after: special ids around each block, such as ``[CLS]`` and
            ``[SEP]``; never hidden.
        seen: as of :class:`CausalBlocks`.
    """

    blocks: Stream
    before: tuple[int, ...]
    after: tuple[int, ...]
    masking: Masking
    seen: MaskedBlocks | None = None

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def lengths(self) -> Sequence[int]:
        """T and the special tokens of each block."""
        return [self.blocks.shape[1] + len(self.before) + len(self.after)] * len(self)

    @property
    def hidden(self) -> int:
        """Targets of a block."""
        return max(1, round(self.masking.share * self.blocks.shape[1]))

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those blocks hold."""
        width = self.blocks.shape[1] + len(self.before) + len(self.after)
        return Counts(rows=len(rows), tokens=len(rows) * width, targets=len(rows) * self.hidden)

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """``input_ids`` (B, T) with some hidden; labels (B, T) are :data:`IGNORED` elsewhere."""
        import torch

        ids_BT = self.blocks[list(rows)].astype(np.int64)
        labels_BT = np.full_like(ids_BT, IGNORED)
        masking = self.masking
        for place, row in enumerate(rows):
            generator = np.random.default_rng((masking.seed, epoch, row))
            chosen = generator.permutation(ids_BT.shape[1])[: self.hidden]
            labels_BT[place, chosen] = ids_BT[place, chosen]
            drawn = generator.random(len(chosen))
            other = generator.integers(0, masking.vocabulary, len(chosen))
            new = np.where(drawn < 0.9, other, ids_BT[place, chosen])
            ids_BT[place, chosen] = np.where(drawn < 0.8, masking.mask_id, new)
        counts = self.counts(rows)
        return Batch(
            inputs={"input_ids": torch.from_numpy(self._framed(ids_BT)).to(device)},
            labels=torch.from_numpy(self._framed(labels_BT, IGNORED)).to(device),
            counts=counts, step=step or counts,
        )  # fmt: skip

    def _framed(self, values_BT: Stream, special: int | None = None) -> Stream:
        """With the special places around: their ids, or ``special``."""
        around = [
            np.tile(np.array([i if special is None else special for i in ids], np.int64), (len(values_BT), 1))
            for ids in (self.before, self.after)
        ]
        return np.concatenate([around[0], values_BT, around[1]], axis=1)
