"""Images as a model wants them, and changed by seed, epoch and row alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fitwright.core.errors import UsageError
from fitwright.modeling.image_input import load_image_input
from fitwright.modeling.pretrained import load_pretrained
from fitwright.modeling.sources import resolve_source
from fitwright.training.tasks.image_rows import Augmentation, ImageRows, ImageStore
from tests.training.tasks.more_cases import paint

PROCESSORS = [
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}},
    {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 16}},
    {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 16},
        "crop_size": {"height": 16, "width": 16}, "do_normalize": False,
    },
]  # fmt: skip


@pytest.mark.parametrize("config", PROCESSORS, ids=lambda config: config["image_processor_type"])
def test_the_numbers_are_those_of_the_models_own_processor(tmp_path: Path, config: dict[str, Any]) -> None:
    from PIL import Image
    from transformers import AutoImageProcessor

    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").write_text("{}")
    wanted = load_image_input(tmp_path)
    image = Image.open(paint(tmp_path / "a.png", 0, 3))
    found = wanted.numbers(wanted.sized(image)[None])
    processor = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    np.testing.assert_allclose(found, processor(image, return_tensors="np")["pixel_values"], atol=1e-6)
    smaller = load_image_input(tmp_path, size=8)
    assert smaller.sized(image).shape == (8, 8, 3)
    wanted.save(tmp_path / "out")
    assert AutoImageProcessor.from_pretrained(tmp_path / "out", backend="pil").size == processor.size


def rows_of(folder: Path, source: Path, augmentation: Augmentation | None) -> ImageRows:
    paths = [paint(folder / f"{i}.png", i % 3, i) for i in range(6)]
    store = ImageStore(paths=paths, input=load_image_input(source), augmentation=augmentation)
    return ImageRows(store=store, labels=[0] * 6)


def test_changes_follow_from_seed_epoch_and_row(tmp_path: Path, small_vision: Path) -> None:
    def pixels(rows: list[int], *, seed: int = 0, epoch: int = 0) -> torch.Tensor:
        made = rows_of(tmp_path, small_vision, Augmentation(seed=seed))
        return made.batch(rows, torch.device("cpu"), epoch=epoch).inputs["pixel_values"]

    whole = pixels([0, 1, 2, 3, 4, 5])
    assert torch.equal(pixels([4, 1]), whole[[4, 1]])
    assert not torch.equal(pixels([0, 1, 2, 3, 4, 5], epoch=1), whole)
    assert not torch.equal(pixels([0, 1, 2, 3, 4, 5], seed=1), whole)


def test_a_change_mirrors_and_moves_and_invents_nothing(tmp_path: Path) -> None:
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    mirrored = [Augmentation(seed=0, crop=0.0).apply(image, row, 0) for row in range(40)]
    flips = [np.array_equal(found, image[:, ::-1]) for found in mirrored]
    assert 10 < sum(flips) < 30
    assert all(flip or np.array_equal(found, image) for flip, found in zip(flips, mirrored, strict=True))
    moved = Augmentation(seed=0, flip=False, crop=0.25)
    shifts = {
        shift
        for row in range(60)
        for shift in [(dy, dx) for dy in range(-4, 5) for dx in range(-4, 5)]
        if np.array_equal(
            moved.apply(image, row, 0)[4:12, 4:12],
            image[4 + shift[0] : 12 + shift[0], 4 + shift[1] : 12 + shift[1]],
        )
    }
    assert len(shifts) > 20


def test_a_convolutional_net_is_built_from_its_config(tmp_path: Path) -> None:
    from transformers import ResNetConfig

    ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic").save_pretrained(
        tmp_path
    )
    assert resolve_source(str(tmp_path / "config.json"), scratch=True) == tmp_path
    model = load_pretrained("AutoModelForImageClassification", tmp_path, "an image classifier", num_labels=3)
    assert model(torch.zeros(2, 3, 32, 32)).logits.shape == (2, 3)
    with pytest.raises(UsageError, match="no safetensors weights"):
        resolve_source(str(tmp_path))
    (tmp_path / "pytorch_model.bin").touch()
    for name in (tmp_path, tmp_path / "config.json"):
        with pytest.raises(UsageError, match="weights"):
            resolve_source(str(name), scratch=True)
