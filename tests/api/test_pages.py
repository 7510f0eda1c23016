"""The web pages and the headers they come with."""

from pathlib import Path

import httpx
import pytest

from api.app import create_app
from tests.api.recording import RecordingSfu, settings_for_tests


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "broadcast.html", "watch.html", "call.html", "network.html", "dashboard.html"):
        (tmp_path / name).write_text(f"<title>{name}</title>")
    (tmp_path / "assets" / "page-1a2b.js").write_text("export {};")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return tmp_path


def client(sfu: RecordingSfu, pages: Path) -> httpx.AsyncClient:
    app = create_app(settings_for_tests(), sfu, pages=pages)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


async def test_pages_are_served_and_revalidated(sfu: RecordingSfu, built: Path) -> None:
    async with client(sfu, built) as http:
        pages = (
            ("/", "index"),
            ("/broadcast?room=a", "broadcast"),
            ("/watch/lobby", "watch"),
            ("/call/lobby", "call"),
            ("/network", "network"),
            ("/dashboard", "dashboard"),
        )
        for url, name in pages:
            response = await http.get(url)
            assert response.text == f"<title>{name}.html</title>"
            assert response.headers["content-type"].startswith("text/html")
            assert response.headers["cache-control"] == "no-cache"


async def test_assets_are_cached_for_good(sfu: RecordingSfu, built: Path) -> None:
    async with client(sfu, built) as http:
        response = await http.get("/assets/page-1a2b.js")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = await http.get("/assets/page-1a2b.js", headers={"If-None-Match": response.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2fsecret.txt",
        "/assets//etc/passwd",
        "/assets/",
    ],
)
async def test_paths_do_not_leave_the_assets(sfu: RecordingSfu, built: Path, path: str) -> None:
    async with client(sfu, built) as http:
        response = await http.send(
            http.build_request("GET", httpx.URL("http://testserver").copy_with(raw_path=path.encode()))
        )
        assert response.status_code == 404
        assert "secret" not in response.text


async def test_unbuilt_pages_say_what_to_run(sfu: RecordingSfu, tmp_path: Path) -> None:
    async with client(sfu, tmp_path) as http:
        assert "make setup" in (await http.get("/")).text
        assert (await http.get("/broadcast")).status_code == 503
