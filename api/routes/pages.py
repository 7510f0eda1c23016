"""The web pages, built from `web/` into `api/static`."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.deps import RoomName

STATIC = Path(__file__).parent.parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}
NOT_BUILT = "Sluice runs, but its pages are not built: run `make setup` in the source tree, or install the wheel.\n"


class HashedAssets(StaticFiles):
    """Files whose names change with their content, so that browsers need not ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in {200, 206, 304}:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def add_pages(app: FastAPI, directory: Path = STATIC) -> None:
    """Serve `/`, `/broadcast`, `/watch/{room}`, `/call/{room}`, `/network` and `/dashboard` and what they load."""
    router = APIRouter(include_in_schema=False)

    def page(name: str) -> Response:
        file = directory / name
        if not file.is_file():
            return PlainTextResponse(NOT_BUILT, 200 if name == "index.html" else 503)
        return FileResponse(file, headers=REVALIDATE)

    @router.get("/")
    @router.head("/")
    async def landing() -> Response:
        return page("index.html")

    @router.get("/broadcast")
    @router.head("/broadcast")
    async def broadcast() -> Response:
        return page("broadcast.html")

    @router.get("/watch/{room}")
    @router.head("/watch/{room}")
    async def watch(room: RoomName) -> Response:
        return page("watch.html")

    @router.get("/call/{room}")
    @router.head("/call/{room}")
    async def call(room: RoomName) -> Response:
        return page("call.html")

    @router.get("/network")
    @router.head("/network")
    async def network() -> Response:
        return page("network.html")

    @router.get("/dashboard")
    @router.head("/dashboard")
    async def dashboard() -> Response:
        return page("dashboard.html")

    app.include_router(router)
    if (directory / "assets").is_dir():
        app.mount("/assets", HashedAssets(directory=directory / "assets"))
