"""A service on a socket: bind first, load, say where it listens, stop cleanly on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitwright.core.errors import FitwrightError, RunError, UsageError
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent
from fitwright.serving.app import app_of
from fitwright.serving.service import Service
from fitwright.serving.settings import ServeSettings

_BACKLOG = 2048


def run_server(bundle: Path, settings: ServeSettings, progress: Progress | None = None) -> None:
    """Serve ``bundle`` until SIGINT or SIGTERM, then answer what is queued and return.

    A second signal does not wait for the answers.

    Args:
        bundle: a bundle or a model directory.
        settings: see :class:`ServeSettings`.
        progress: is told the port when it is bound, and the address when the model is ready.

    Raises:
        UsageError: no such directory, engine or host.
        RunError: the port is taken or not allowed, or the model cannot be loaded.
    """
    news = progress or Silent()
    service = Service(bundle, settings)
    listener = bind(settings.host, settings.port)
    with listener:
        port = listener.getsockname()[1]
        news.say(f"loading {service.name}; port {port} answers 503 until it is ready")
        server = _make_server(service, settings)
        with _stop_on_signals(server):
            asyncio.run(_serve(server, service, listener, news))
    if service.error is not None:
        raise _plain(service.error) from service.error


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket.

    Raises:
        UsageError: the host has no address here.
        RunError: the port is taken, or this user may not have it.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise UsageError("unknown host", got=host, mend="Give --host 127.0.0.1 or 0.0.0.0.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise RunError(
                f"port {port} on {host} is taken", mend="Stop what uses it, or choose another: --port 0."
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise RunError(
                f"this user may not listen on port {port}", mend="Choose one above 1023: --port 8000."
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError("this machine has no such address", got=host) from None
        raise
    return listener


def address(listener: socket.socket) -> str:
    """The URL under which ``listener`` answers on this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _make_server(service: Service, settings: ServeSettings) -> Any:
    uvicorn = require("uvicorn")
    config = uvicorn.Config(
        app_of(service), log_config=None, log_level="warning", access_log=False, lifespan="on", ws="none",
        server_header=False, timeout_graceful_shutdown=math.ceil(settings.timeout_s) + 1,
    )  # fmt: skip
    return uvicorn.Server(config)


async def _serve(server: Any, service: Service, listener: socket.socket, news: Progress) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while service.state == "loading" and not serving.done() and not server.should_exit:
        await asyncio.sleep(0.02)
    if service.state == "ready":
        health = service.health()
        news.say(
            f"ready: {address(listener)} answers for {health['model']} on {health['engine']} "
            f"({health['precision']}); labels: {', '.join(health['labels'])}; Ctrl-C stops it"
        )
    if service.state == "failed":
        server.should_exit = True
    await serving


@contextlib.contextmanager
def _stop_on_signals(server: Any) -> Iterator[None]:
    """SIGINT and SIGTERM end the server and not the process.

    uvicorn has handlers of its own while it serves, and raises what it caught again afterwards, when these
    are back in place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    kept = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _plain(error: Exception) -> FitwrightError:
    if isinstance(error, FitwrightError):
        return error
    return RunError(f"the model cannot be loaded: {type(error).__name__}: {error}")
