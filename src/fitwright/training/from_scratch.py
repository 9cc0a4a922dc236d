"""Where a run without weights starts: a configuration, and a tokenizer for it, as a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fitwright.catalog import config_file
from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, sha256_file, sha256_json, write_json
from fitwright.core.home import home
from fitwright.data.tokenizer_training import save_tokenizer, train_tokenizer
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.sources import is_scratch
from fitwright.modeling.starts import start_of
from fitwright.training.lstm_start import lstm_folder, shape_of_name
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Task, TaskData


def source_folder(model: str, task: Task, data: TaskData, settings: TrainSettings) -> Path:
    """The folder that a run starts from: a model's, or one without weights where the task can do with it.

    Raises:
        UsageError, UnknownModelError: no such model.
    """
    shape = shape_of_name(model)
    if shape is not None:
        return lstm_folder(shape, data.train)
    path, texts = Path(model).expanduser(), getattr(data.train, "texts", None)
    if path.is_dir() and is_scratch(path) and not (path / "tokenizer.json").is_file():
        path /= "config.json"
    is_config = path.is_file() and path.suffix == ".json"
    if texts is not None and is_config and task.name.endswith("language-modeling"):
        return start_folder(path, texts, data.source.fingerprint, settings.max_length)
    return start_of(model)


def start_folder(config: Path, documents: Sequence[str], fingerprint: str, max_length: int) -> Path:
    """A folder with ``config.json`` and tokenizer, without weights.

    The tokenizer is the one beside the file; where none is, a byte-level one of the configuration's
    ``vocab_size`` is trained on ``documents``. Kept in the user's folder, so that a second run
    begins with the same one.

    Args:
        documents: the training part alone. fingerprint: of the whole corpus.

    Raises:
        UsageError: no ``vocab_size``, or one out of range. DataError: too little text for such a vocabulary.
    """
    values = config_file.read(config)
    beside = config.parent / "tokenizer.json"
    key = [values, sha256_file(beside) if beside.is_file() else fingerprint, len(documents), max_length]
    folder = home() / "starts" / sha256_json(key)[:32]
    if (folder / "config.json").is_file():
        return folder
    with new_directory(folder) as work:
        write_json(work / "config.json", values)
        if beside.is_file():
            copy_tokenizer(config.parent, work)
        else:
            size = values.get("vocab_size")
            if not isinstance(size, int):
                raise UsageError(f"{config} has no vocab_size, so no tokenizer can be made for it", got=size,
                                 mend="Add vocab_size, or put a tokenizer.json beside the file.")  # fmt: skip
            save_tokenizer(train_tokenizer(documents, size), work, max_length=max_length)
    return folder
