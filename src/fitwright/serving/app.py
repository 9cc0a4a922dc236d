"""The ASGI application: health, metrics, and the Hugging Face text-classification task."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from fitwright import __version__
from fitwright.serving.errors import (
    NoSuchModelError,
    RequestError,
    TookTooLongError,
    TooLargeError,
)
from fitwright.serving.metrics import Metrics
from fitwright.serving.protocol import REQUEST_SCHEMA, answer, parse
from fitwright.serving.service import Service
from fitwright.serving.settings import ServeSettings

log = logging.getLogger(__name__)

_CLIENT_LEFT = 499  # nobody reads it; it is what the metrics call such a request
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": REQUEST_SCHEMA}}}}


def create_app(bundle: Path, settings: ServeSettings) -> FastAPI:
    """An application that serves ``bundle``.

    The bundle's descriptions are checked here; its weights are loaded when the application starts, in the
    background, while ``/health`` answers 503.

    Raises:
        UsageError: no such directory, no classifier, or an engine that it does not have.
    """
    return app_of(Service(bundle, settings))


def app_of(service: Service) -> FastAPI:
    """An application around a service that somebody else holds too."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(service.load(), name="load")
        yield
        await loading
        await service.close()

    app = FastAPI(
        title=f"Fitwright: {service.name}",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    metrics = Metrics()

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse(service.health(), status_code=200 if service.state == "ready" else 503)

    @app.get("/metrics")
    async def read_metrics() -> Response:
        return PlainTextResponse(metrics.text(service.waiting_rows), media_type="text/plain; version=0.0.4")

    @app.post("/", openapi_extra=_BODY)
    async def classify(request: Request) -> Response:
        return await _counted(request, service, metrics)

    @app.post("/models/{name:path}", openapi_extra=_BODY)
    async def classify_by_name(name: str, request: Request) -> Response:
        return await _counted(request, service, metrics, name)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def no_such_path(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        return _refuse(status, f"no {request.method} {request.url.path} here; POST / or GET /health")

    return app


async def _counted(request: Request, service: Service, metrics: Metrics, name: str | None = None) -> Response:
    started_s = time.perf_counter()
    try:
        response, rows = await _classify(request, service, name)
    except RequestError as error:
        response, rows = _refuse(error.status, str(error), error.retry_after_s), 0
    except Exception:
        log.exception("a request failed")
        response, rows = _refuse(500, "internal error; the service's log has the cause"), 0
    metrics.add(response.status_code, rows, time.perf_counter() - started_s)
    return response


async def _classify(request: Request, service: Service, name: str | None) -> tuple[Response, int]:
    if name is not None and name != service.name:
        raise NoSuchModelError("no such model here", got=name, allowed=service.name)
    wanted = parse(await _read_body(request, service.settings.max_body_bytes), service.settings)
    work = asyncio.ensure_future(service.logits(wanted.texts))
    left = asyncio.ensure_future(_client_leaves(request))
    try:
        await asyncio.wait(
            {work, left}, timeout=service.settings.timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if not work.done():
            if left.done():
                return Response(status_code=_CLIENT_LEFT), 0
            raise TookTooLongError(f"no answer within {service.settings.timeout_s:g} s")
        logits_NC, cut = work.result()
    finally:
        work.cancel()
        left.cancel()
    headers = {"x-truncated-rows": ",".join(map(str, cut))} if cut else None
    content = answer(logits_NC, service.labels, wanted)
    return JSONResponse(content, headers=headers), len(wanted.texts)


async def _read_body(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError("the body has too many bytes", allowed=f"at most {max_bytes}")
    return bytes(body)


async def _client_leaves(request: Request) -> None:
    """Return when the connection is gone; the body was read before."""
    message: dict[str, Any] = {}
    while message.get("type") != "http.disconnect":
        message = dict(await request.receive())


def _refuse(status: int, line: str, retry_after_s: int | None = None) -> Response:
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    content = json.dumps({"error": line}, ensure_ascii=True)  # escaped: a lone surrogate must not fail here
    return Response(content, status_code=status, headers=headers, media_type="application/json")
