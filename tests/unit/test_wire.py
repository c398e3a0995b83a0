"""JSON and msgpack."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import BadDocument
from schemas.wire import JSON, MSGPACK, decode_body, encode_body

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@given(value=st.dictionaries(st.sampled_from("abcdef"), values, max_size=4))
def test_values_survive_json_and_msgpack(value: Any) -> None:
    assert decode_body(encode_body(value, MSGPACK), MSGPACK) == value
    if not _has_infinity(value):
        assert decode_body(encode_body(value, JSON), JSON) == value


def _has_infinity(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    if isinstance(value, list):
        return any(map(_has_infinity, value))
    return isinstance(value, float) and abs(value) == float("inf")


def test_integers_of_any_size_survive_json() -> None:
    assert decode_body(encode_body({"id": 2**100}, JSON), JSON) == {"id": 2**100}


def test_blobs_are_bin_in_msgpack_and_base64_in_json() -> None:
    text = {
        "$image": "QUJD",
        "_image": {"blob": "QUJD", "format": "IMAGE"},
        "objects": [{"$template": "QUJD", "template": {"_key": {"blob": "QUJD"}}}],
        "note": "QUJD",
    }
    binary = {
        "$image": b"ABC",
        "_image": {"blob": b"ABC", "format": "IMAGE"},
        "objects": [{"$template": b"ABC", "template": {"_key": {"blob": b"ABC"}}}],
        "note": "QUJD",
    }
    assert decode_body(encode_body(text, MSGPACK), MSGPACK) == binary
    assert decode_body(encode_body(binary, JSON), JSON) == text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,]", b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000, b"{'a': 1}"],
)
def test_malformed_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadDocument):
        decode_body(body, JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,
        b"\x81\xa1a",
        b"\xdd\xff\xff\xff\xff",
        b"\xa2\xff\xfe",
        b"\x01\x01",
        b"\x81\xc4\x01a\x01",
    ],
)
def test_malformed_msgpack_is_refused(body: bytes) -> None:
    with pytest.raises(BadDocument):
        decode_body(body, MSGPACK)


@given(st.binary(max_size=60), st.sampled_from([JSON, MSGPACK]))
def test_arbitrary_bytes_are_decoded_or_refused(body: bytes, media_type: str) -> None:
    try:
        decoded = decode_body(body, media_type)
        encode_body({"value": decoded}, JSON)
    except BadDocument:
        pass


def test_what_a_format_cannot_carry_is_refused() -> None:
    with pytest.raises(BadDocument):
        encode_body({"id": 2**100}, MSGPACK)


def test_types_of_msgpack_alone_have_a_json_form() -> None:
    value = {"when": msgpack.Timestamp(0, 0), "more": msgpack.ExtType(5, b"ABC")}
    assert decode_body(encode_body(value, JSON), JSON) == {"when": "1970-01-01T00:00:00Z", "more": [5, "QUJD"]}
    assert decode_body(encode_body(value, MSGPACK), MSGPACK) == value
