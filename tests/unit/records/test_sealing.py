"""Sealed fields and blobs: opened only where they belong, with the key they were made with."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from common import errors
from common.adapters import registry
from common.ports.blob_store import BlobStore
from common.records import sealed_blobs
from common.records.sealing import INLINE_LIMIT, DataKey, fits

KEY = DataKey.generate("ses_1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc$.", max_size=4), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


class TestFields:
    @given(JSON)
    def test_a_value_comes_back(self, value: Any) -> None:
        assert KEY.open("trn_1", "request", KEY.seal("trn_1", "request", value)) == value

    @pytest.mark.parametrize(
        ("subject", "field", "owner"),
        [("trn_2", "request", "ses_1"), ("trn_1", "result", "ses_1"), ("trn_1", "request", "ses_2")],
    )
    def test_a_token_that_was_moved_is_refused(self, subject: str, field: str, owner: str) -> None:
        token = KEY.seal("trn_1", "request", {"a": 1})
        with pytest.raises(errors.IntegrityError, match="belongs elsewhere"):
            DataKey(owner, KEY.secret).open(subject, field, token)

    @pytest.mark.parametrize("place", [0, 5, 20, 60, -30, -1])
    def test_an_edited_token_is_refused(self, place: int) -> None:
        raw = bytearray(base64.urlsafe_b64decode(KEY.seal("trn_1", "request", {"a": "secret"})))
        raw[place] ^= 1
        with pytest.raises(errors.IntegrityError, match="cannot be opened") as refused:
            KEY.open("trn_1", "request", base64.urlsafe_b64encode(raw).decode())
        assert "secret" not in str(refused.value)

    @pytest.mark.parametrize("token", ["", "no token", "ü", "gAAAAA=="])
    def test_no_token_is_refused(self, token: str) -> None:
        with pytest.raises(errors.IntegrityError):
            KEY.open("trn_1", "request", token)

    def test_another_key_opens_nothing(self) -> None:
        with pytest.raises(errors.IntegrityError):
            DataKey.generate("ses_1").open("trn_1", "request", KEY.seal("trn_1", "request", 1))

    def test_a_token_with_another_content_than_ours_is_refused(self) -> None:
        foreign = Fernet(base64.urlsafe_b64encode(KEY.secret))
        for body in (b"[1]", b"{}", b"no json"):
            with pytest.raises(errors.IntegrityError):
                KEY.open("trn_1", "request", foreign.encrypt(body).decode())

    def test_what_fits_can_be_sealed_and_the_rest_is_refused(self) -> None:
        fitting = "x" * (INLINE_LIMIT - 1_100)
        assert fits(fitting)
        KEY.seal("trn_" + "0" * 32, "request", fitting)
        assert not fits("x" * INLINE_LIMIT)
        with pytest.raises(errors.TooLarge, match=r"request of trn_1 has \d+ bytes"):
            KEY.seal("trn_1", "request", "x" * INLINE_LIMIT)

    def test_fingerprints_compare_under_one_key_only(self) -> None:
        assert KEY.fingerprint(b"a") == KEY.fingerprint(b"a") != KEY.fingerprint(b"b")
        assert DataKey.generate("ses_1").fingerprint(b"a") != KEY.fingerprint(b"a")


class TestBlobs:
    @pytest.fixture
    async def blobs(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        async with registry.blob_store(f"file://{tmp_path}/blobs") as opened:
            yield opened

    @pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1])
    async def test_content_comes_back_and_is_not_in_clear(self, blobs: BlobStore, size: int, tmp_path: Path) -> None:
        content, key = b"secret!!" * (size // 8) + b"x" * (size % 8), secrets.token_bytes(32)
        await sealed_blobs.write(blobs, "training/a", content, key)
        await sealed_blobs.write(blobs, "training/a", content, key)
        assert await sealed_blobs.read(blobs, "training/a", key) == content
        stored = b"".join(path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file())
        assert b"secret!!" not in stored

    async def test_the_wrong_key_or_another_name_is_refused(self, blobs: BlobStore, tmp_path: Path) -> None:
        key = secrets.token_bytes(32)
        await sealed_blobs.write(blobs, "training/a", b"content", key)
        with pytest.raises(errors.IntegrityError):
            await sealed_blobs.read(blobs, "training/a", secrets.token_bytes(32))
        await blobs.put_bytes("training/b", await blobs.get_bytes("training/a", 1_000))
        with pytest.raises(errors.IntegrityError):
            await sealed_blobs.read(blobs, "training/b", key)

    async def test_small_values_stay_and_large_ones_are_named(self, blobs: BlobStore) -> None:
        key = secrets.token_bytes(32)
        small, large = {"a": 1}, {"text": "x" * INLINE_LIMIT}
        assert await sealed_blobs.outsource(blobs, small, "training/s", key) is small
        assert await blobs.stat("training/s") is None
        kept = await sealed_blobs.outsource(blobs, large, "training/l", key)
        assert fits(kept)
        assert await sealed_blobs.fetch(blobs, kept, key) == large
        assert await sealed_blobs.fetch(blobs, small, key) is small
