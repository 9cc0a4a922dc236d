"""The ``config.json`` of a model on the Hugging Face Hub, or of its cache on this machine."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitwright.catalog.names import near_matches
from fitwright.core.errors import UnknownModelError, UsageError
from fitwright.core.optional import require

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE = "config.json"
_TIMEOUT_S = 10
_REFRESH_TIMEOUT_S = 3
_INSTEAD = "Give a config.json or a model directory instead."


def is_repository(name: str) -> bool:
    """Whether ``name`` has the form of a Hub id, ``organisation/name``."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name and "--" not in name


def fetch_config(repository: str) -> Path:
    """The ``config.json`` of a Hub repository: of the Hub if it answers in time, else of the local cache.

    ``HF_HUB_OFFLINE``, ``HF_ENDPOINT``, ``HF_HOME`` and the token of ``hf auth login`` count as everywhere.
    Only this one file is asked for; nothing is told about this machine.

    Args:
        repository: ``organisation/name``.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        UnknownModelError: no such public repository, or the Hub is out of reach and the cache lacks the file.
        UsageError: access to it is restricted, or the repository has no ``config.json``.
    """
    hub = require("huggingface_hub")
    cached = hub.try_to_load_from_cache(repository, _FILE)
    in_cache = Path(cached) if isinstance(cached, str) else None
    if hub.constants.is_offline_mode():
        if in_cache is not None:
            return in_cache
        raise _unknown(
            repository, "HF_HUB_OFFLINE is set, so the Hub was not asked, and its cache here lacks it"
        )
    with _discreet(hub):
        try:
            if in_cache is None:  # one try: the download itself would repeat for minutes where nobody answers
                hub.get_hf_file_metadata(
                    hub.hf_hub_url(repository, _FILE), token=_token(hub), timeout=_TIMEOUT_S
                )
            waits_s = _TIMEOUT_S if in_cache is None else _REFRESH_TIMEOUT_S
            return Path(hub.hf_hub_download(repository, _FILE, etag_timeout=waits_s))
        except Exception as error:  # a wide family: connection, proxy, certificate, HTTP status, a full disk
            if in_cache is not None:
                return in_cache
            raise _explained(hub, repository, error) from error


def _token(hub: Any) -> str | None:
    """The user's token, unless the user forbids to send it unasked."""
    return None if hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else hub.get_token()


@contextlib.contextmanager
def _discreet(hub: Any) -> Iterator[None]:
    """No progress bar for one small file, and no request but for it."""
    from_user = hub.constants.HF_HUB_DISABLE_TELEMETRY
    had_bars = not hub.utils.are_progress_bars_disabled()
    hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        hub.constants.HF_HUB_DISABLE_TELEMETRY = from_user
        if had_bars:
            hub.utils.enable_progress_bars()


def _explained(hub: Any, repository: str, error: Exception) -> UsageError:
    errors = hub.errors
    if isinstance(error, errors.GatedRepoError):
        return UsageError(
            "the Hub shows this model's files only to those who were granted access", got=repository,
            mend=f"Ask for access on its page and run 'hf auth login'. {_INSTEAD}",
        )  # fmt: skip
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return UsageError(
            "the Hub's repository has no config.json, so it holds no Transformers model", got=repository,
            mend=_INSTEAD,
        )  # fmt: skip
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return _unknown(repository, "the Hub has no public repository of that name")
    return _unknown(repository, f"the Hub could not be reached ({_reason(error)})")


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"it answered {status}" if status is not None else type(error).__name__


def _unknown(repository: str, why: str) -> UnknownModelError:
    near = near_matches(repository)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return UnknownModelError(
        repository, near, mend=f"The catalogue does not have it; {why}. {_INSTEAD}{hint}"
    )
