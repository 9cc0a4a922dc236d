from __future__ import annotations

import pytest

from fitwright.data.language import guess_language, script_shares


@pytest.mark.parametrize(("text", "language"), [
    ("this is a film that you will not forget, and it was made with love", "en"),
    ("这部电影非常好看，我很喜欢。It is OK", "zh"),
    ("この映画はとても面白かったです。", "ja"),
    ("이 영화는 정말 재미있었습니다.", "ko"),
    ("der Film ist sehr gut, und ich habe ihn schon zweimal mit meiner Frau gesehen", "unknown"),
    ("le film est très bon et je l'ai déjà vu deux fois avec ma femme", "unknown"),
    ("la película es muy buena y ya la he visto dos veces con mi mujer", "unknown"),
    ("Фильм очень хороший, я смотрел его два раза", "unknown"),
    ("12345 !!!", "unknown"),
])  # fmt: skip
def test_language(text: str, language: str) -> None:
    assert guess_language([text]) == language


def test_real_english_sentences(sentences: list[tuple[str, str]]) -> None:
    assert guess_language([text for text, _ in sentences[:300]]) == "en"


def test_script_shares_add_up() -> None:
    shares = script_shares(["ab 很好", "cd", "ж"])
    assert shares == pytest.approx({"latin": 4 / 7, "han": 2 / 7, "cyrillic": 1 / 7})
    assert script_shares(["12!"]) == {}
