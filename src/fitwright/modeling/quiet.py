"""Keep transformers from talking to the terminal."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from fitwright.core.optional import require


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep load reports and bars of transformers off the terminal inside the block."""
    hub_logging: Any = require("transformers.utils.logging")
    before, bars = hub_logging.get_verbosity(), hub_logging.is_progress_bar_enabled()
    hub_logging.set_verbosity_error()
    hub_logging.disable_progress_bar()
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        hub_logging.set_verbosity(before)
        if bars:
            hub_logging.enable_progress_bar()
        logger.setLevel(level)
