"""The certificate in its files."""

import logging
from pathlib import Path

import pytest

from api.certificates import CertificateError, CertificateFiles
from tests.api.certificates import self_signed, write_certificate


class Installed:
    """Takes what has a private key in it."""

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []

    def __call__(self, chain: bytes, key: bytes) -> None:
        if b"PRIVATE KEY" not in key:
            raise ValueError("no private key in it")
        self.pairs.append((chain, key))


async def test_a_renewed_certificate_is_taken_up(tmp_path: Path) -> None:
    chain, key = write_certificate(tmp_path)
    installed = Installed()
    files = CertificateFiles(chain, key, installed)
    files.start()
    files.check()
    assert len(installed.pairs) == 1, "nothing has changed"
    renewed = self_signed("renewed.example")
    # As certbot does it: new files, moved into place.
    for path, content in zip((chain, key), renewed, strict=True):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(path)
    files.check()
    assert installed.pairs[1:] == [renewed]
    files.close()


async def test_a_broken_renewal_leaves_the_old_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chain, key = write_certificate(tmp_path)
    installed = Installed()
    files = CertificateFiles(chain, key, installed)
    files.start()
    key.write_text("half a fi")
    with caplog.at_level(logging.ERROR):
        files.check()
        files.check()
    assert len(installed.pairs) == 1
    assert [record.message.count("no private key") for record in caplog.records] == [1]
    key.unlink()
    files.check()
    assert "cannot read" in caplog.text
    files.close()


@pytest.mark.parametrize("content", [None, b"x" * (2 << 20), b"garbage"])
async def test_at_the_start_it_must_be_right(tmp_path: Path, content: bytes | None) -> None:
    chain, key = write_certificate(tmp_path)
    if content is None:
        key.unlink()
    else:
        key.write_bytes(content)
    with pytest.raises(CertificateError, match=str(key)):
        CertificateFiles(chain, key, Installed()).start()
