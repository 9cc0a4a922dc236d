"""What a column heading announces, in English or Chinese: the model, figures, or other things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fitwright.sizing.checking.stated import UNITS, normal

Role = Literal["model", "variant", "figures", "other"]


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A column's heading, understood.

    Attributes:
        text: as it stands in the file, without markup.
        role: ``model``; ``variant`` (a word that completes the name: *large*); ``figures``; ``other``.
        fields: the figures in a cell, in order: one, or ``layers, hidden, heads`` under ``L/H/A``.
        scale: what a bare number counts: 10**6 under ``Params (M)``.
        approximate: the heading says that its figures are approximate.
        rank: of several model columns, the one with the highest rank names the model.
    """

    text: str
    role: Role
    fields: tuple[str, ...] = ()
    scale: int = 1
    approximate: bool = False
    rank: int = 0


TITLES = {
    "parameters": "parameters", "non_embedding": "parameters without embeddings",
    "backbone_parameters": "backbone parameters", "embedding_parameters": "embedding parameters",
    "encoder_parameters": "encoder parameters", "text_parameters": "text tower's parameters",
    "vision_parameters": "vision tower's parameters",
    "layers": "layers", "encoder_layers": "encoder layers", "decoder_layers": "decoder layers",
    "hidden": "hidden size", "embedding": "embedding size", "heads": "heads", "kv_heads": "key-value heads",
    "head_dim": "head size", "ffn": "feed-forward size", "vocab": "vocabulary", "length": "maximum length",
}  # fmt: skip
"""Field → how it is called in a message. ``text_`` and ``vision_`` stand before those of a tower."""

COUNTS = frozenset(name for name in TITLES if name.endswith(("parameters", "non_embedding")))
"""Fields that count parameters: judged within a tolerance; the others must be equal."""

_UNIT = "|".join(sorted((re.escape(unit) for unit in UNITS), key=len, reverse=True))
_POWERS = {"10^3": 10**3, "10^6": 10**6, "10^9": 10**9, "1e3": 10**3, "1e6": 10**6, "1e9": 10**9}
_SCALE = re.compile(
    rf"[(\[](?:in\s+|单位\s*:?\s*|[×x]\s*)?(?P<brackets>{_UNIT}|10\^[369]|1e[369])[)\]]"
    rf"|\bin (?P<words>millions?|billions?|thousands?)\b|[/,]\s*(?P<behind>{_UNIT})$|\s(?P<last>[mbk])$"
)
_ABOUT = re.compile(r"~|≈|约|大概|approx")
_NOISE = re.compile(
    r"#|№|\b(?:total )?(?:number|no\.|nr\.|num\.?|count) of\b|\b(?:num|n|max num)\s(?=\w)|[:*]"
)

_PARAMETERS = re.compile(r"(?<!hyper)(?<!hyper )param|(?<!超)参数")
_OTHER_PARAMETERS = re.compile(
    r"\bactive|activated|激活|trainable|可训练|frozen|lora|adapter|sharing|shared|共享|efficien|ratio|比例|占比|type|类型"
)
_NO_EMBEDDING = re.compile(
    r"non[ -]?(?:word )?emb|(?:without|w/o|excl\w*|minus|no) .*(?:emb|vocab)|不含.*(?:嵌入|词向量|emb)"
    r"|非词?嵌入|(?:去除|去掉|除去|不包括|除).*(?:嵌入|词向量|emb)"
)
_WITH_EMBEDDING = re.compile(r"\b(?:with|incl\w*|w/) .*emb|(?:含|包括|包含).*(?:嵌入|词向量|emb)")
_FIGURES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), field)
    for pattern, field in (
        (r"\bffn\b|feed[ -]?forward|intermediate|\bd ?ff\b|\bmlp\b|前馈|中间层", "ffn"),
        (r"\b(?:kv|key[ -]?value) ?heads?\b|kv ?头|键值头", "kv_heads"),
        (
            r"\bheads? (?:dim|size|width)|(?:dim\w*|size) per head|\bd (?:head|kv)\b|头的?维|头大小",
            "head_dim",
        ),
        (r"\bheads\b|attention head|头数|注意力头|多头", "heads"),
        (r"vocab|词表|词汇|词典", "vocab"),
        (
            r"\bmax\w*\.? .*(?:len|seq|tok|pos|input)|\bcontext|\bseq\w*\.? ?len|\bpositions?\b|\bctx\b"
            r"|position emb|^sequences?$|上下文|最大.*(?:长|序列|输入|位置)|序列长度|输入长度|位置数",
            "length",
        ),
        (r"\bembed\w* (?:size|dim|width)|^embeddings?$|嵌入(?:层)?(?:维|大小)|词向量维", "embedding"),
        (
            r"\bhidden\b.*(?:size|dim|width|unit|state)|隐.*(?:维|大小|宽|单元)|\bd ?model\b"
            r"|\bmodel (?:dim|width)|\bwidth\b|^(?:architecture |config\w* )?hidden$|^dim\w*$|^n? ?embd$"
            r"|模型维|^隐(?:藏|含)?层?$|^维度$|宽度",
            "hidden",
        ),
        (r"\blayers?\b|\bblocks?\b|\bdepth\b|层数|^层$|深度", "layers"),
    )
)
_STACKS = (("layers",), ("encoder_layers",), ("decoder_layers",))
_NOT_A_FIGURE = re.compile(
    r"norm|per layer|layer[ -]?wise|(?:layer|block|attention|head|层) ?(?:type|类型)|dropout"
)
_LETTERS = {
    "l": "layers", "h": "hidden", "d": "hidden", "a": "heads", "f": "ffn", "e": "embedding", "v": "vocab",
}  # fmt: skip
_PARTS = {
    **_LETTERS, "p": "parameters", "层": "layers", "隐藏": "hidden", "隐层": "hidden", "头": "heads",
    "参数": "parameters",
}  # fmt: skip
_MODEL_NAMES = {
    "model": 6, "models": 6, "model name": 7, "model id": 8, "checkpoint": 5, "pretrained model": 6,
    "pre-trained model": 6, "name": 4, "variant": 3, "variants": 3, "architecture": 3, "backbone": 3,
    "encoder": 2, "network": 2, "模型": 6, "模型名称": 7, "模型名": 7, "预训练模型": 6, "名称": 4, "架构": 3,
    "骨干网络": 3, "网络": 2, "型号": 3,
}  # fmt: skip
_LONGEST = 30
"""A longer text with *model* in it is a sentence, not a heading."""

_MODEL = re.compile(r"\bmodels?\b|模型")
_NOT_MODEL = re.compile(
    r"size|dim|type|family|detail|descri|about|note|remark|year|licen|url|link|card|organi[sz]ation|author|file"
    r"|score|备注|描述|大小|类型|链接|维|规模|年份|机构|说明|简介|作者|特点"
)
_VARIANT = re.compile(r"^(?:model )?(?:size|variant|version|scale)$|^(?:模型)?(?:规模|版本|大小|规格|型号)$")


def understand(text: str) -> Heading:
    """The heading ``text`` (without markup) with its role; what it does not know is ``other``."""
    bare = normal(text)
    match = _SCALE.search(bare)
    scale = _scale(match) if match else 1
    without = _SCALE.sub("", bare).strip() if match else bare
    fields = _several(without) or _one(without) or (_one(bare) if without != bare else ())
    approximate = bool(fields) and bool(_ABOUT.search(bare))
    if fields:
        return Heading(text=text, role="figures", fields=fields, scale=scale, approximate=approximate)
    name = _bracketless(bare)
    if _VARIANT.match(name):
        return Heading(text=text, role="variant", rank=_MODEL_NAMES.get(name, 0))
    rank = _MODEL_NAMES.get(name, 0)
    if not rank and len(name) <= _LONGEST and _MODEL.search(name) and not _NOT_MODEL.search(name):
        rank = 1
    return Heading(text=text, role="model" if rank else "other", rank=rank)


def title(field: str) -> str:
    """A field in words: ``vision_layers`` → ``layers of the vision tower``."""
    for tower in ("text", "vision"):
        if field not in TITLES and field.startswith(f"{tower}_"):
            return f"{TITLES[field.removeprefix(f'{tower}_')]} of the {tower} tower"
    return TITLES[field]


def _scale(match: re.Match[str]) -> int:
    unit = match["brackets"] or match["words"] or match["behind"] or match["last"]
    return _POWERS.get(unit) or UNITS[unit]


def _bracketless(text: str) -> str:
    return re.sub(r"\s*[(\[][^)\]]*[)\]]", "", text).replace("_", " ").strip(" #:")


def _several(text: str) -> tuple[str, ...]:
    """``l/h/a`` → layers, hidden, heads; also inside brackets, and letters joined by ``-``, ``x``, ``×``."""
    inside = re.search(r"[(\[]([^)\]]+)[)\]]", text)
    if re.search(r"(?:enc\w*|编码器).*(?:dec\w*|解码器)", text) and _one(text) in _STACKS:
        return ("encoder_layers", "decoder_layers")
    for candidate in (text, *((inside[1],) if inside else ())):
        whole = candidate.strip(" ()[]")
        parts = re.split(r"\s*(?:(?<!\bw)/|[|,;、&+])\s*", whole)
        if len(parts) == 1 and re.fullmatch(r"[lhadef](?:\s*[-x×*·]\s*[lhadef])+", whole):
            parts = re.split(r"\s*[-x×*·]\s*", whole)
        found = [_one(part) or ((_PARTS[part],) if part in _PARTS else ()) for part in parts]
        fields = tuple(field for part in found for field in part)
        if len(parts) > 1 and all(found) and len(set(fields)) == len(fields):
            return fields
    return ()


def _one(text: str) -> tuple[str, ...]:
    """The one figure that a heading names, or nothing."""
    bare = " ".join(_NOISE.sub(" ", text.replace("_", " ")).split())
    if bare in _LETTERS and bare in "lha":
        return (_LETTERS[bare],)
    if _PARAMETERS.search(bare):
        field = _parameters(bare)
        return (field,) if field else ()
    if _NOT_A_FIGURE.search(bare):
        return ()
    field = next((field for pattern, field in _FIGURES if pattern.search(bare)), "")
    return (_placed(field, bare),) if field else ()


def _parameters(bare: str) -> str:
    """Which count of parameters a heading means; empty for one that the catalogue cannot judge."""
    if _OTHER_PARAMETERS.search(bare):
        return ""
    if _NO_EMBEDDING.search(bare):
        return "non_embedding"
    if re.search(r"backbone|骨干", bare):
        return "backbone_parameters"
    if re.search(r"emb|嵌入|词向量|vocab|词表", bare) and not _WITH_EMBEDDING.search(bare):
        return "embedding_parameters"
    both = re.search(r"encoder.*decoder|编码器.*解码器", bare)
    if re.search(r"decoder|解码器", bare) and not both:
        return ""
    if re.search(r"encoder|编码器", bare) and not both:
        return "encoder_parameters"
    return _placed("parameters", bare)


def _placed(field: str, bare: str) -> str:
    """``field`` of the tower or stack that the heading names."""
    if field in ("parameters", "layers", "hidden", "heads", "ffn"):
        text, vision = re.search(r"\btext\b|文本", bare), re.search(r"visi|visual|\bimage\b|视觉|图像", bare)
        if bool(text) != bool(vision):
            return f"text_{field}" if text else f"vision_{field}"
    if field == "layers" and re.search(r"\bdec\w*\b|解码器", bare):
        return "decoder_layers"
    if field == "layers" and re.search(r"\benc\w*\b|编码器", bare):
        return "encoder_layers"
    return field
