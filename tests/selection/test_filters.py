import pytest

from fitwright.catalog import store
from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.selection.filters import (
    find_language,
    find_licences,
    find_task,
    language_fit,
    licence_allowed,
)

ALL = store.load_all()


def test_everyday_words_name_tasks():
    assert find_task("NER", ALL).name == "token-classification"
    assert find_task("text classification", ALL).name == "text-classification"
    assert find_task("classification", ALL).matches(find("allenai/longformer-base-4096"))
    assert find_task("embeddings", ALL).matches(find("bge-small-en-v1.5"))
    assert not find_task("embeddings", ALL).matches(find("gpt2"))
    with pytest.raises(UsageError, match="text-classification"):
        find_task("juggling", ALL)


def test_languages():
    assert find_language("EN", ALL) == "en"
    with pytest.raises(UsageError, match="multilingual"):
        find_language("english", ALL)
    assert language_fit(find("bert-base-uncased"), "en") == "listed"
    assert language_fit(find("bert-base-uncased"), "zh") == "none"
    assert language_fit(find("bert-base-multilingual-cased"), "sw") == "multilingual"
    assert language_fit(find("facebook/deit-tiny-patch16-224"), "sw") == "no text"


def test_licences_and_groups():
    permissive = find_licences(["permissive"], ALL)
    assert {"apache-2.0", "mit"} <= permissive
    assert licence_allowed(find("bert-base-uncased"), permissive)
    assert not licence_allowed(find("google/gemma-2b"), permissive)
    assert licence_allowed(find("google/gemma-2b"), find_licences(["Gemma Terms of Use", "mit"], ALL))
    assert not licence_allowed(find("Helsinki-NLP/opus-mt-en-de"), find_licences(["apache-2.0"], ALL))
    assert find_licences([], ALL) == frozenset()
    with pytest.raises(UsageError, match="permissive"):
        find_licences(["free"], ALL)
