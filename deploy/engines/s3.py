"""An S3 server: versitygw over a folder, built by `go install`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploy.engines.engine import Engine, run

_PACKAGE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
_BUCKET = "autolearn"


class S3(Engine):
    """A bucket is a folder of the gateway's."""

    name = "s3"
    setting = "AUTOLEARN_BLOB_STORE"

    def install(self) -> None:
        if not (self.installed / "versitygw").exists():
            go = self.program("go", "install Go 1.24 or newer")
            self.installed.mkdir(parents=True, exist_ok=True)
            run([go, "install", _PACKAGE], f"go install {_PACKAGE}", GOBIN=str(self.installed))

    def command(self, port: int, password: str) -> tuple[Sequence[str], Mapping[str, str]]:
        (self.folder / "data" / _BUCKET).mkdir(parents=True, exist_ok=True)
        words = [str(self.installed / "versitygw"), "--port", f"127.0.0.1:{port}", "posix", str(self.folder / "data")]
        return words, {"ROOT_ACCESS_KEY": "autolearn", "ROOT_SECRET_KEY": password}

    def url(self, port: int, password: str) -> str:
        return f"s3+http://autolearn:{password}@127.0.0.1:{port}/{_BUCKET}"
