"""A SAMPLE report: invented but realistic numbers, for tests and for looking at the page. Never a result."""

from __future__ import annotations

import math

from fitwright.reporting.document import (
    CandidateRow,
    Confusion,
    Curve,
    CurvePoint,
    DataSummary,
    ErrorRow,
    ModelRow,
    Prediction,
    Report,
    StageRow,
    Verdict,
)
from fitwright.spec import Budget, Quantity, Record

HOSTILE = "<script>alert('x')</script> | a \"quoted\" & <b>bold</b> `tick` [link](http://evil.example) \x07"
CHINESE = "这部电影的剧情很拖沓，但演员的表演值得一看。"


def _near(value: float, unit: str, spread: float) -> Quantity:
    return Quantity.measured(value, unit, low=value * (1 - spread), high=value * (1 + spread))


def _guess(value: float, unit: str, spread: float) -> Quantity:
    return Quantity.estimated(value, unit, low=value / (1 + spread), high=value * (1 + spread))


def measured(
    name: str, p95: float, size: float, accuracy: float, drop: float | None, rate: float, **context: object
) -> Record:
    """A measured record: seconds, bytes, share, points, rows a second."""
    quantities = {
        "parameters": Quantity.exact(round(size / 4.01), "1"),
        "accuracy": Quantity.measured(accuracy, "1", low=accuracy - 0.0163, high=accuracy + 0.0159),
        "f1": Quantity.measured(accuracy - 0.0004, "1", low=accuracy - 0.0168, high=accuracy + 0.0155),
        "latency-p50": _near(p95 * 0.71, "s", 0.02),
        "latency-p95": _near(p95, "s", 0.045),
        "throughput": _near(rate, "1/s", 0.03),
        "size": Quantity.exact(size, "B"),
        "memory": _near(size * 1.3 + 118e6, "B", 0.01),
    }
    if drop is not None:
        quantities["drop"] = Quantity.measured(drop, "points", low=drop - 0.94, high=drop + 0.97)
    return Record(subject=name, quantities=quantities, context=context)


def speed(name: str, p95: float, rate: float, **context: object) -> Record:
    """A measured record of latency and throughput alone."""
    quantities = {"latency-p95": _near(p95, "s", 0.045), "throughput": _near(rate, "1/s", 0.03)}
    return Record(subject=name, quantities=quantities, context=context)


def predicted(name: str, p95: float, size: float, memory: float) -> Record:
    """An estimated record."""
    quantities = {
        "latency-p95": _guess(p95, "s", 0.6),
        "size": _guess(size, "B", 0.03),
        "memory": _guess(memory, "B", 0.3),
    }
    return Record(subject=name, quantities=quantities)


def _candidates() -> tuple[CandidateRow, ...]:
    rows = (
        (
            "layers-6-int8",
            "6 of 6 layers, dynamic int8",
            "missed",
            5.4e-3,
            22.9e6,
            0.8502,
            0.21,
            265,
            "latency-p95 is 5.40 ms, the limit 4.36 ms",
        ),
        (
            "layers-4-fp32",
            "4 of 6 layers, distilled",
            "missed",
            8.7e-3,
            76.8e6,
            0.8479,
            0.44,
            148,
            "latency-p95 and size are over the limit",
        ),
        (
            "layers-4-int8",
            "4 of 6 layers, distilled, dynamic int8",
            "chosen",
            3.05e-3,
            19.3e6,
            0.8463,
            0.60,
            468,
            "",
        ),
        (
            "layers-3-int8",
            "3 of 6 layers, distilled, dynamic int8",
            "met",
            2.31e-3,
            17.5e6,
            0.8391,
            1.32,
            601,
            "also within the budget; the chosen one answers better",
        ),
        (
            "layers-2-int8",
            "2 of 6 layers, distilled, dynamic int8",
            "missed",
            1.72e-3,
            15.7e6,
            0.8217,
            3.06,
            802,
            "the quality drop is 3.06 points, the limit 1.5",
        ),
    )
    made = [
        CandidateRow(
            name=name,
            steps=steps,
            status=status,
            reason=reason,
            predicted=predicted(name, p95 * (1.18 if i % 2 else 0.86), size * 0.98, size * 1.4 + 110e6),
            measured=measured(name, p95, size, accuracy, drop, rate),
        )
        for i, (name, steps, status, p95, size, accuracy, drop, rate, reason) in enumerate(rows)
    ]
    rejected = CandidateRow(
        name="layers-6-fp32",
        steps="6 of 6 layers, no quantisation",
        status="rejected",
        predicted=predicted("layers-6-fp32", 12.6e-3, 91e6, 240e6),
        reason="predicted size is over the limit even at the low end of its interval",
    )
    return (rejected, *made)


def _curve(name: str, stage: str, steps: int, start: float, end: float, best: float) -> Curve:
    points = []
    for step in range(10, steps + 1, 10):
        ease = math.exp(-4 * step / steps)
        loss = end + (start - end) * ease + 0.03 * math.sin(step * 1.7) * (0.3 + ease)
        last = step % (steps // 4) < 10
        points.append(
            CurvePoint(
                step=step,
                train_loss=loss,
                val_loss=0.36 + 0.3 * ease + 0.03 * step / steps if last else None,
                val_accuracy=best - 0.09 * ease if last else None,
            )
        )
    return Curve(name=name, stage=stage, points=tuple(points))


def _errors() -> tuple[ErrorRow, ...]:
    texts = (
        ("you would have to be asleep not to laugh", "positive", "negative", 0.991, "positive"),
        ("two hours of fine actors waiting for a script", "negative", "positive", 0.987, "negative"),
        (CHINESE, "negative", "positive", 0.972, "positive"),
        (HOSTILE, "positive", "negative", 0.964, "positive"),
        ("word " * 200, "negative", "positive", 0.951, None),
        (
            "nothing here is new, and by the last scene, the best of the film, that no longer matters",
            "positive",
            "negative",
            0.944,
            "negative",
        ),
    )
    return tuple(
        ErrorRow(text=text, truth=truth, answer=answer, confidence=confidence, source_answer=source)
        for text, truth, answer, confidence, source in texts
    )


def _predictions(rows: tuple[CandidateRow, ...]) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(name=name, subject=row.name, predicted=row.predicted[name], measured=row.measured[name])
        for row in rows
        if row.predicted is not None and row.measured is not None
        for name in ("latency-p95", "size", "memory")
    )


def _provenance() -> dict[str, object]:
    return {
        "command": "fitwright fit reviews.csv --budget latency-p95=0.33x,size=0.33x",
        "python": "3.11.9",
        "system": "Linux x86_64",
        "processor": "Sample processor with AVX-512",
        "cores": 2,
        "memory_bytes": 8_253_000_000,
        "seed": 0,
        "data": {"fingerprint": "3f9a" * 16, "rows": 8530},
        "versions": {
            "fitwright": "0.1.0",
            "torch": "2.13.0",
            "transformers": "5.18.0",
            "onnxruntime": "1.31.0",
        },
    }


def sample_report() -> Report:
    """A whole report with every part filled."""
    source = measured(
        "source", 13.2e-3, 91e6, 0.8523, None, 101, engine="torch", precision="fp32", threads=2, rows=1706
    )
    rows = _candidates()
    chosen = next(row.measured for row in rows if row.status == "chosen")
    result = Record(
        subject="layers-4-int8",
        quantities=chosen.quantities,
        context={"engine": "onnxruntime", "precision": "int8", "threads": 2, "rows": 1706},
    )
    budget = Budget.parse("latency-p95=0.33x,size=0.33x,throughput=300/s,max-drop=1.5")
    values = {name: result.value(name) for name in ("latency-p95", "size", "throughput")}
    lines = budget.check(values | {"max-drop": 0.6}, {n: source.value(n) for n in values})
    return Report(
        title="SAMPLE: reviews.csv",
        task="text-classification",
        made_at="2026-01-02T03:04:05Z",
        verdict=Verdict(met=True, headline="4.3× faster, 4.7× smaller, 0.6 points below its teacher"),
        budget=tuple(line.as_json() for line in lines),
        source=source,
        result=result,
        candidates=rows,
        models=(
            ModelRow(
                id="sample/encoder-6-384",
                kept=True,
                parameters=22_713_216,
                latency=_guess(12.6e-3, "s", 0.6),
                memory=_guess(240e6, "B", 0.3),
            ),
            ModelRow(
                id="google-bert/bert-large-uncased",
                kept=False,
                parameters=335_141_888,
                latency=_guess(161e-3, "s", 0.6),
                memory=_guess(1.62e9, "B", 0.3),
                reason="predicted memory is over the limit",
            ),
        ),
        predictions=_predictions(rows),
        records=tuple(
            speed("layers-4-int8", 3.05e-3 * batch**0.8, 468 * batch**0.15, batch=batch, engine="onnxruntime")
            for batch in (1, 8, 32)
        ),
        curves=(
            _curve("teacher", "train", 720, 0.71, 0.16, 0.853),
            _curve("layers-4", "compress", 960, 1.4, 0.3, 0.849),
        ),
        confusions=(
            Confusion(subject="source", labels=("negative", "positive"), counts=((731, 122), (130, 723))),
            Confusion(
                subject="layers-4-int8", labels=("negative", "positive"), counts=((722, 131), (131, 722))
            ),
        ),
        worst_errors=_errors(),
        data=DataSummary(
            lines=(
                "8,530 rows, 2 classes, columns text and label",
                "length: median 24 tokens, 95 of 100 below 47",
                "split by seed 0: 5,971 to train, 853 to validate, 1,706 to test",
            ),
            warnings=("18 texts occur more than once; copies were kept on one side of the split",),
            facts={
                "rows": 8530,
                "classes": {"negative": 4265, "positive": 4265},
                "tokens": {"median": 24, "p95": 47},
            },
        ),
        stages=(
            StageRow(name="profile", seconds=2.4, resumed=True),
            StageRow(name="train", seconds=187.3),
            StageRow(name="compress", seconds=143.0),
            StageRow(name="measure", seconds=64.8),
        ),
        provenance=_provenance(),
        lock_file="requirements.lock",
        commands=(
            "pip install 'fitwright[train,serve]==0.1.0'",
            "fitwright fit reviews.csv --task text-classification --seed 0 "
            "--budget latency-p95=0.33x,size=0.33x",
        ),
        notes=("Source and result were measured in turn in the same run, on the same rows.",),
    )


def missed_report() -> Report:
    """A SAMPLE whose budget could not be met and whose quality gate failed."""
    whole = sample_report()
    result = whole.candidates[-1].measured
    budget = Budget.parse("latency-p95=1ms,memory=100MB,price=3")
    values = {"latency-p95": result.value("latency-p95"), "memory": result.value("memory"), "max-drop": 3.06}
    lines = budget.check(values, {})
    return Report(
        title="SAMPLE: a budget that cannot be met",
        task="text-classification",
        verdict=Verdict(
            met=False,
            headline="No candidate meets the budget; the nearest answers in 1.72 ms",
            binding="latency-p95 ≤ 1.00 ms; the best reached was 1.72 ms, 72 % over",
            nearest="layers-2-int8: latency-p95 1.72 ms, 138 MB of memory, 3.06 points below its teacher",
        ),
        budget=tuple(line.as_json() for line in lines),
        source=whole.source,
        result=result,
        candidates=whole.candidates,
    )
