"""JSON of strangers: the same as any reader makes of it, in pieces, and never more than we take."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest.media import json_body
from medianest.media.errors import InvalidAnswerError, UnusableAnswerError
from medianest.media.json_body import read_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=40,
)


def read(text: bytes | str) -> Any:
    return read_json("plex", text if isinstance(text, bytes) else text.encode())


def read_in_pieces(text: bytes | str) -> Any:
    """The same where everything is larger than a piece."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "_PIECE", 16)
        patch.setattr(json_body, "_LEVELS", 100)
        return read(text)


@given(value=JSON, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 3]))
def test_pieces_make_the_same_of_it_as_the_whole(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    assert read_in_pieces(json.dumps(value, ensure_ascii=ascii_only, indent=indent)) == value


@given(value=JSON, cut=st.integers(1, 30), junk=st.sampled_from(["", "x", "]", ",", '"', "{"]))
def test_what_any_reader_refuses_is_refused(
    value: float | list[Any] | dict[str, Any] | None, cut: int, junk: str
) -> None:
    text = json.dumps([value])[:-cut] + junk
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(InvalidAnswerError):
            read_in_pieces(text)
    else:
        assert read_in_pieces(text) == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_an_error_of_ours(body: bytes) -> None:
    try:
        json.dumps(read_in_pieces(body), allow_nan=False).encode()
    except (InvalidAnswerError, UnusableAnswerError):
        pass


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_a_number_that_nobody_can_pass_on_is_null_and_costs_nothing_else(number: str) -> None:
    assert read(f'{{"a": {number}, "b": [1, {number}, 2.5]}}') == {"a": None, "b": [1, None, 2.5]}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (rb'"\ud83c"', "\ufffd"),
        (rb'"a\uDF89b"', "a\ufffdb"),
        (rb'"\ud83c\udf89"', "🎉"),
        (rb'"\\ud83c"', r"\ud83c"),
        (rb'{"\ud83c": ["\ud83c", {"a": "\ud83c"}]}', {"\ufffd": ["\ufffd", {"a": "\ufffd"}]}),
        (b'"\xff"', "\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"a\x00b\nc"', "a\x00b\nc"),
    ],
)
def test_half_a_character_is_a_whole_one_afterwards(
    text: bytes, meant: str | dict[str, Any]
) -> None:
    assert read(text) == meant


def test_a_character_may_lie_across_the_end_of_a_piece() -> None:
    for width in range(40):
        assert (
            read_in_pieces(json.dumps(["x" * width, "🎉é" * 9], ensure_ascii=False))[1] == "🎉é" * 9
        )


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * 150_000 + b"{}]",
        b"[" + b"{}, " * 100_000 + b" " * 3_000_000 + b"1]",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b"[" * 9 + b" " * 1_000_000 + b"]" * 9,
        b'["' + b"x" * 10_000_000 + b'"]',
        b"[" + b"9" * 10_000_000 + b"]",
    ],
    ids=["dense", "many", "deep", "deep and cut off", "deep and wide", "long text", "long number"],
)
def test_what_becomes_too_much_is_no_failure_of_the_server(body: bytes) -> None:
    with pytest.raises(UnusableAnswerError):
        read(body)


def test_a_large_answer_is_read_though_a_text_in_it_is_large() -> None:
    value = {"a": ["x" * 1_000_000, {"b": "é" * 400_000}], "c": [[1]] * 20_000}
    assert read(json.dumps(value, ensure_ascii=False)) == value
