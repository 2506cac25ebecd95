"""The contract of the keyring, for every adapter."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from common import errors
from common.adapters.keyring.file import FileKeyring
from common.ports.keyring import Keyring

Open = Callable[[], Keyring]


@pytest.fixture(params=["file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the ring of one installation, again and again."""
    return {"file": lambda: FileKeyring(tmp_path / "master.key")}[request.param]


@pytest.fixture
def other(tmp_path: Path) -> Keyring:
    return FileKeyring(tmp_path / "other.key")


class TestContract:
    @pytest.mark.parametrize("secret", [b"", b"\x00" * 32, bytes(range(256))])
    def test_a_wrapped_secret_comes_back_also_after_opening_again(self, opened: Open, secret: bytes) -> None:
        token = opened().wrap(secret, owner="ses_1")
        assert opened().unwrap(token, owner="ses_1") == secret

    def test_wrapping_hides_the_secret_and_never_repeats_itself(self, opened: Open) -> None:
        secret = b"k" * 32
        one, two = opened().wrap(secret, owner="ses_1"), opened().wrap(secret, owner="ses_1")
        assert one != two
        assert base64.b64encode(secret).decode() not in one

    def test_a_token_of_another_owner_is_refused(self, opened: Open) -> None:
        token = opened().wrap(b"k" * 32, owner="ses_1")
        with pytest.raises(errors.IntegrityError, match="ses_2"):
            opened().unwrap(token, owner="ses_2")

    @pytest.mark.parametrize("place", [0, 12, 40, -1])
    def test_a_damaged_token_is_refused(self, opened: Open, place: int) -> None:
        raw = bytearray(base64.urlsafe_b64decode(opened().wrap(b"k" * 32, owner="ses_1")))
        raw[place] ^= 1
        with pytest.raises(errors.IntegrityError):
            opened().unwrap(base64.urlsafe_b64encode(raw).decode(), owner="ses_1")

    def test_a_token_of_another_ring_is_refused(self, opened: Open, other: Keyring) -> None:
        with pytest.raises(errors.IntegrityError):
            opened().unwrap(other.wrap(b"k" * 32, owner="ses_1"), owner="ses_1")

    def test_fingerprints_are_those_of_the_installation_and_the_purpose(self, opened: Open, other: Keyring) -> None:
        one = opened().fingerprint("calls", b"text")
        assert one == opened().fingerprint("calls", b"text")
        assert len(bytes.fromhex(one)) == 32
        others = {
            opened().fingerprint("calls", b"texts"),
            opened().fingerprint("body", b"text"),
            other.fingerprint("calls", b"text"),
        }
        assert one not in others and len(others) == 3


class TestFile:
    def test_only_its_owner_can_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "master.key"
        FileKeyring(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [one.name for one in tmp_path.iterdir()] == ["master.key"]

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"{}", b'{"keys": []}', b'{"keys": ["short"]}', b'{"keys": 3}', b'{"keys": [3]}', b"\xff"],
    )
    def test_a_file_that_is_no_ring_is_reported_and_kept(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "master.key"
        path.write_bytes(content)
        with pytest.raises(errors.IntegrityError, match="restore it from a backup"):
            FileKeyring(path)
        assert path.read_bytes() == content

    def test_after_a_rotation_old_tokens_open_and_fingerprints_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "master.key"
        before = FileKeyring(path)
        token, mark = before.wrap(b"k" * 32, owner="ses_1"), before.fingerprint("body", b"text")
        keys = json.loads(path.read_text())["keys"]
        path.write_text(json.dumps({"keys": [Fernet.generate_key().decode(), *keys]}))
        after = FileKeyring(path)
        assert after.unwrap(token, owner="ses_1") == b"k" * 32
        assert after.fingerprint("body", b"text") == mark
        with pytest.raises(errors.IntegrityError):
            before.unwrap(after.wrap(b"k" * 32, owner="ses_1"), owner="ses_1")

    def test_a_half_written_ring_of_a_power_cut_is_made_anew(self, tmp_path: Path) -> None:
        (tmp_path / "master.new").write_text('{"keys": ["')
        FileKeyring(tmp_path / "master.key")
        assert not (tmp_path / "master.new").exists()
