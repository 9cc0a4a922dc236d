from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from fitwright.core.errors import DataError
from fitwright.data.dataset import load_labelled
from fitwright.data.kinds.captioned_images import load_captioned_images
from fitwright.data.kinds.documents import load_documents
from fitwright.data.kinds.images import load_labelled_images
from fitwright.data.kinds.multilabel import load_multilabel
from fitwright.data.kinds.pictures import open_image
from fitwright.data.kinds.scored_text import load_scored_text
from fitwright.data.reading import read_table
from fitwright.data.splitting import split


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def refused(load: Callable[..., Any], path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# pairs and numbers


def test_pairs_of_texts_with_a_class(tmp_path: Path) -> None:
    rows = [{"premise": f"a{i}", "hypothesis": f"b{i}", "label": "yn"[i % 2]} for i in range(20)]
    path = lines(tmp_path / "a.jsonl", [*rows, {"premise": "a", "hypothesis": "", "label": "y"}])
    dataset, source = load_labelled(path, text="premise", pair="hypothesis")
    assert dataset.pairs is not None
    assert (dataset.texts[3], dataset.pairs[3], source.empty_texts) == ("a3", "b3", 1)
    assert dataset.subset([3]).pairs == ("b3",)
    assert source.as_json()["pair_column"] == "hypothesis"
    alone, _ = load_labelled(path, text="premise")
    assert alone.pairs is None
    assert alone.subset(range(20)).fingerprint != dataset.fingerprint


def test_numbers_of_texts_and_of_pairs(tmp_path: Path) -> None:
    rows = [{"sentence1": f"a{i}", "sentence2": "b", "score": i / 2} for i in range(40)]
    pairs, source = load_scored_text(lines(tmp_path / "a.jsonl", rows))
    assert source.columns == {"text": "sentence1", "pair": "sentence2", "score": "score"}
    assert pairs.scores[:3] == (0.0, 0.5, 1.0)
    alone, _ = load_scored_text(tmp_path / "a.jsonl", columns={"pair": ""})
    assert alone.pairs is None
    assert alone.fingerprint != pairs.fingerprint
    assert pairs.subset([2, 1]).scores == (1.0, 0.5)
    assert len(split(pairs).train) > len(split(pairs).test) > 0
    (tmp_path / "b.csv").write_text("text,score\na,1\nb,two\n")
    message = refused(load_scored_text, tmp_path / "b.csv")
    assert "line 3: the column 'score' does not hold a number; got 'two'" in message
    (tmp_path / "c.csv").write_text("text,score\na,1\nb,1\n")
    assert "one value only" in refused(load_scored_text, tmp_path / "c.csv")


# several classes a row

SETS: list[list[str]] = [["a", "b"], ["b"], [], ["a"]] * 10


def test_ways_to_write_several_classes(tmp_path: Path) -> None:
    files = {
        "list.jsonl": [{"text": f"t{i}", "labels": row} for i, row in enumerate(SETS)],
        "bar.jsonl": [{"text": f"t{i}", "labels": " | ".join(row)} for i, row in enumerate(SETS)],
        "comma.jsonl": [{"text": f"t{i}", "labels": ",".join(row)} for i, row in enumerate(SETS)],
        "json.jsonl": [{"text": f"t{i}", "labels": json.dumps(row)} for i, row in enumerate(SETS)],
        "flags.jsonl": [{"text": f"t{i}", "a": "a" in s, "b": int("b" in s)} for i, s in enumerate(SETS)],
    }  # fmt: skip
    loaded = [load_multilabel(lines(tmp_path / name, rows))[0] for name, rows in files.items()]
    assert all(dataset == loaded[0] for dataset in loaded)
    assert len({dataset.fingerprint for dataset in loaded}) == 1
    assert loaded[0].label_sets[:4] == ((0, 1), (1,), (), (0,))
    assert loaded[0].counts() == (20, 20)
    assert loaded[0].subset([3, 0]).label_sets == ((0,), (0, 1))


@pytest.mark.parametrize(("rows", "options", "message"), [
    ([{"text": "t", "labels": "a|b"}] * 9 + [{"text": "t", "labels": "c"}], {}, "too rare"),
    ([{"text": "t", "labels": "a"}] * 9, {}, "1 distinct ones"),
    ([{"text": "t", "a": 1, "b": 2}], {"label_columns": ["a", "b"]}, "the column 'b' does not hold 0 or 1"),
    ([{"text": "t", "a": 1, "b": 2}], {}, "not several columns of 0 and 1"),
    ([{"text": "t", "labels": "z"}], {"names": ("a", "b")}, "does not know; got 'z'"),
])  # fmt: skip
def test_classes_that_cannot_be_used(
    tmp_path: Path, rows: list[dict[str, Any]], options: dict[str, Any], message: str
) -> None:
    assert message in refused(load_multilabel, lines(tmp_path / "a.jsonl", rows), **options)


# documents


def test_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\nstill one\n\n\ntwo\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("三\n四\n", encoding="utf-8")
    assert load_documents(tmp_path / "a.txt")[0].texts == ("one\nstill one", "two")
    assert load_documents(tmp_path / "b.txt")[0].texts == ("三", "四")
    folder, source = load_documents(tmp_path)
    assert folder.texts == ("one\nstill one", "two", "三", "四")
    table = lines(tmp_path / "c.jsonl", [{"poem": text} for text in folder.texts])
    assert load_documents(table)[1].fingerprint == source.fingerprint
    (tmp_path / "d.txt").write_text(" \n\n")
    assert "no text" in refused(load_documents, tmp_path / "d.txt")


# images


def painted(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), (shade, 0, 0)).save(path)
    return path


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    for number in range(20):
        painted(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number:02}.png", number)
    return tmp_path / "pictures"


def test_class_folders_and_tables_give_the_same_images(gallery: Path) -> None:
    dataset, source = load_labelled_images(gallery)
    assert dataset.names == ("cat", "dog")
    assert (dataset.paths[0].name, dataset.names[dataset.labels[0]], dataset.sizes[0]) == (
        "01.png",
        "cat",
        (4, 3),
    )
    rows = [{"file_name": str(path.relative_to(gallery)), "class": dataset.names[label]}
            for path, label in zip(dataset.paths, dataset.labels, strict=True)]  # fmt: skip
    table = lines(gallery / "all.jsonl", rows)
    other, other_source = load_labelled_images(table)
    assert (other, other_source.fingerprint) == (dataset, source.fingerprint)
    assert dataset.subset([5, 0]).paths == (dataset.paths[5], dataset.paths[0])


def test_copies_of_an_image_go_to_one_part(gallery: Path) -> None:
    for path in sorted(gallery.rglob("*.png")):
        (path.parent / f"copy-{path.name}").write_bytes(path.read_bytes())
    dataset, _ = load_labelled_images(gallery)
    seed = next(seed for seed in range(200) if splits(dataset, seed))
    parts = split(dataset, validation=0.2, test=0.3, seed=seed)
    assert not set(parts.train.digests) & set(parts.test.digests)
    assert len(parts.test) == 2 * len(set(parts.test.digests))


def splits(dataset: Any, seed: int) -> bool:
    try:
        split(dataset, validation=0.2, test=0.3, seed=seed)
    except DataError:
        return False
    return True


def test_broken_images_are_named_or_left_out(gallery: Path) -> None:
    whole = painted(gallery / "cat" / "zz.jpg", 3).read_bytes()
    (gallery / "cat" / "zz.jpg").write_bytes(whole[: len(whole) // 2])
    (gallery / "dog" / "zz.png").write_text("not an image")
    message = refused(load_labelled_images, gallery)
    assert "2 of 22 images cannot be read; got 'cat/zz.jpg (" in message
    assert "dog/zz.png (not an image that Pillow knows)" in message
    dataset, source = load_labelled_images(gallery, broken="skip")
    assert (len(dataset), source.left_out) == (20, {"a broken image": 2})


def test_image_folders_that_are_something_else(tmp_path: Path, gallery: Path) -> None:
    gallery.rename(tmp_path / "train")
    (tmp_path / "test").mkdir()
    assert "are parts, not classes" in refused(load_labelled_images, tmp_path)
    assert "no images in class folders" in refused(load_labelled_images, tmp_path / "test")


def test_an_image_is_opened_as_rgb(tmp_path: Path) -> None:
    Image.new("L", (2, 5), 7).save(tmp_path / "grey.png")
    image = open_image(tmp_path / "grey.png")
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (2, 5), (7, 7, 7))
    assert "no such file" in refused(open_image, tmp_path / "none.png")


def test_captions_of_images(tmp_path: Path) -> None:
    painted(tmp_path / "images" / "a.png", 1)
    rows = [{"image": "images/a.png", "caption": "red"}, {"image": "images/a.png", "caption": "a red square"}]
    dataset, _ = load_captioned_images(lines(tmp_path / "a.jsonl", rows))
    assert dataset.captions == ("red", "a red square")
    assert len(set(dataset.keys())) == 1
    assert dataset.subset([1]).captions == ("a red square",)
    absent = lines(tmp_path / "b.jsonl", [*rows, {"image": "none.png", "caption": "nothing"}])
    assert "got 'none.png in line 3 (no such file)'" in refused(load_captioned_images, absent)
    assert len(load_captioned_images(absent, broken="skip")[0]) == 2


# what the library datasets saves: the layout and the schema are its own, written here with pyarrow

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
    "tags": {"feature": {"names": ["O", "B-X"], "_type": "ClassLabel"}, "_type": "List"},
}


def saved(folder: Path) -> Path:
    folder.mkdir(parents=True)
    schema = pyarrow.schema(
        [("text", pyarrow.string()), ("label", pyarrow.int64()), ("tags", pyarrow.list_(pyarrow.int64()))],
        metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
    )
    rows = {"text": ["a", "b"], "label": [1, -1], "tags": [[0, 1], [0]]}
    with pyarrow.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), schema) as writer:
        writer.write_table(pyarrow.table(rows, schema=schema))
    (folder / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]})
    )
    (folder / "dataset_info.json").write_text("{}")
    return folder


def test_a_saved_dataset_is_read_with_its_class_names(tmp_path: Path) -> None:
    table = read_table(saved(tmp_path / "whole" / "train"))
    assert table.columns["label"] == ["pos", ""]
    assert table.values["tags"] == [["O", "B-X"], ["O"]]
    (tmp_path / "whole" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert f"Give one of: {tmp_path}/whole/train" in refused(read_table, tmp_path / "whole")
    (tmp_path / "whole" / "train" / "data-00000-of-00001.arrow").unlink()
    assert "is not complete" in refused(read_table, tmp_path / "whole" / "train")


def test_shards_that_do_not_fit_together(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "0.parquet")
    parquet.write_table(pyarrow.table({"text": [[1]]}), tmp_path / "1.parquet")
    assert "do not fit together" in refused(read_table, tmp_path)
    (tmp_path / "0.parquet").write_bytes(b"PAR1")
    assert "not a readable Parquet" in refused(read_table, tmp_path)


def test_arrow_files_in_both_forms(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", None], "n": [1, 2]})
    for name, opened in (("a.arrow", pyarrow.ipc.new_file), ("b.arrow", pyarrow.ipc.new_stream)):
        with opened(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
        assert read_table(tmp_path / name).columns == {"text": ["a", ""], "n": ["1", "2"]}
