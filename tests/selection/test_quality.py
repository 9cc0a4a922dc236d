import datetime
from collections import Counter

import pytest

from fitwright.catalog import store
from fitwright.core.errors import UsageError
from fitwright.selection.quality import choose_benchmark, figures_of, load_benchmarks, load_figures

IDS = set(store.ids())


def test_every_figure_is_of_a_catalogue_model_and_names_its_source():
    benchmarks = {found.id: found for found in load_benchmarks()}
    for figure in load_figures():
        assert figure.model in IDS, figure
        assert figure.metric == benchmarks[figure.benchmark].metric, figure
        assert figure.task in benchmarks[figure.benchmark].tasks, figure
        assert 0 < figure.value <= 100, figure
        assert figure.split in ("dev", "test", "validation"), figure
        assert figure.source, figure
        assert figure.url.startswith("https://"), figure
        assert datetime.date.fromisoformat(figure.read_on) <= datetime.date(2026, 12, 31)


def test_no_model_has_two_figures_on_one_benchmark():
    counted = Counter((figure.model, figure.benchmark) for figure in load_figures())
    assert [key for key, count in counted.items() if count > 1] == []


def test_there_are_enough_of_them():
    assert len(load_figures()) >= 60
    assert len({figure.model for figure in load_figures()}) >= 30
    assert {figure.benchmark for figure in load_figures()} == {found.id for found in load_benchmarks()}


def test_figures_read_in_the_sources():
    """Spot checks against the tables themselves."""
    read = {(figure.model, figure.benchmark): figure.value for figure in load_figures()}
    assert read["FacebookAI/roberta-large", "mnli-m"] == 90.2
    assert read["google/bert_uncased_L-2_H-128_A-2", "sst-2"] == 83.2
    assert read["nghuyong/ernie-3.0-nano-zh", "tnews"] == 54.57
    assert read["BAAI/bge-small-en-v1.5", "mteb"] == 62.17
    assert read["facebook/deit-tiny-patch16-224", "imagenet-1k"] == 72.2


def test_the_benchmark_with_most_figures_is_taken():
    zh = {spec.id for spec in store.load_all() if "zh" in spec.languages}
    assert choose_benchmark("text-classification", "zh", zh).id == "tnews"
    assert choose_benchmark("text-classification", "en", IDS).id == "mnli-m"
    only = {figure.model for figure in load_figures() if figure.benchmark == "chnsenticorp"} - set(
        figures_of(next(found for found in load_benchmarks() if found.id == "tnews"))
    )
    assert choose_benchmark("text-classification", "zh", only).id == "chnsenticorp"


def test_what_no_figure_was_read_for_has_no_benchmark():
    assert choose_benchmark("translation", None, IDS) is None
    assert choose_benchmark("text-classification", "en", {"huawei-noah/TinyBERT_General_4L_312D"}) is None


def test_another_language_falls_back_on_what_covers_many():
    assert choose_benchmark("text-classification", "sw", IDS).id == "xnli"


def test_asking_for_a_benchmark():
    assert choose_benchmark("text-classification", "en", IDS, asked="SST-2").id == "sst-2"
    with pytest.raises(UsageError, match=r"no such benchmark for text-classification.*mnli-m"):
        choose_benchmark("text-classification", "en", IDS, asked="c-mteb")
