import pytest

from fitwright.sizing.checking.markup import plain
from fitwright.sizing.checking.stated import Refused, Stated, lacks_unit, read_number


@pytest.mark.parametrize(
    ("cell", "number", "approximate"),
    [
        ("110M", 110e6, False),
        ("1.1亿", 110e6, False),
        ("1,100万", 11e6, False),
        ("~580M", 580e6, True),
        ("约5.8亿", 580e6, True),
        ("≈ 110 M", 110e6, True),
        ("1.5B", 1.5e9, False),
        ("124,439,808", 124439808, False),
        ("0.11B", 110e6, False),
        ("3.4e8", 340e6, False),
        ("110 million", 110e6, False),
        ("１１０Ｍ", 110e6, False),
        ("1亿1000万", 110e6, False),
        ("3亿4500万", 345e6, False),
        ("1.75千亿", 175e9, False),
        ("11百万", 11e6, False),
        ("5.8億", 580e6, False),
        ("124 439 808", 124439808, False),
        ("124_439_808", 124439808, False),
        ("1.1×10^8", 110e6, False),
        ("1.1×10⁸", 110e6, False),
        ("1.1 x 10<sup>8</sup>", 110e6, False),
        (r"$1.1\times 10^{8}$", 110e6, False),
        (r"$\sim$110M", 110e6, True),
        ("about 110M", 110e6, True),
        ("1亿左右", 1e8, True),
        ("110M (approx.)", 110e6, True),
        ("大约 1.1 亿", 110e6, True),
        ("(110M)", 110e6, False),
        ("**110M**", 110e6, False),
        ("`110M`", 110e6, False),
        ("110M¹", 110e6, False),
        ("110M<sup>2</sup>", 110e6, False),
        ("110M[^1]", 110e6, False),
        ("110M [3]", 110e6, False),
        ("110M*†", 110e6, False),
        ("110&nbsp;M", 110e6, False),
        ("~~117M~~ 124M", 124e6, False),
        ("[110M](https://example.org)", 110e6, False),
        ("1.1亿参数", 110e6, False),
        ("110M parameters", 110e6, False),
        ("12-layer", 12, False),
        ("12层", 12, False),
        ("768维", 768, False),
        ("12 个头", 12, False),
        ("12 layers each", 12, False),
        ("7.7 bn", 7.7e9, False),
        ("11000w", 110e6, False),
    ],
)
def test_numbers_as_people_write_them(cell, number, approximate):
    stated = read_number(plain(cell))
    assert isinstance(stated, Stated), stated
    assert stated.number == number
    assert stated.approximate is approximate


@pytest.mark.parametrize(
    "cell", ["", " ", "-", "—", "–", "N/A", "n/a", "无", "未公开", "?", "~~110M~~", "None"]
)
def test_empty_cells_are_passed_over(cell):
    assert read_number(plain(cell)) is None


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("110M–340M", "range"),
        ("110-340M", "range"),
        ("1.1~3.4亿", "range"),
        ("110M/340M", "range"),
        ("110M to 340M", "range"),
        (">100M", "bound"),
        ("110M+", "bound"),
        ("超过1亿", "bound"),
        ("1亿以上", "bound"),
        ("440MB", "bytes"),
        ("110,5M", "unclear"),
        ("1.234.567", "unclear"),
        ("8x7B", "product"),
        ("abc", "not a number"),
        ("110 quux", "unit"),
        ("∞", "not a number"),
        ("1e99B", "larger"),
        ("9" * 200, "a text"),
        ("-5", "not a number"),
    ],
)
def test_what_is_no_single_number_is_refused_with_a_reason(cell, why):
    found = read_number(plain(cell))
    assert isinstance(found, Refused)
    assert why in found.why


def test_the_heading_gives_the_unit_that_a_cell_leaves_out():
    assert read_number("110", scale=10**6).number == 110e6
    assert read_number("1.1亿", scale=10**6).number == 110e6
    assert "Unclear" in read_number("124,439,808", scale=10**6).why
    assert lacks_unit(read_number("110"))
    assert not lacks_unit(read_number("110M"))


def test_words_in_brackets_are_kept_apart():
    assert read_number("434M (304M backbone)").aside == "304M backbone"
    assert read_number("434M").aside == ""


def test_the_last_digit_tells_how_exact_a_number_is():
    assert read_number("30K").step == 1000
    assert read_number("0.1B").step == 1e8
    assert read_number("30522").step == 1
