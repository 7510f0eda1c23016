"""The API reference at /docs: one page that draws /openapi.json, with nothing fetched from elsewhere."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

DIRECTORY = Path(__file__).parent.parent / "reference"
REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
@router.head("/docs")
async def page() -> Response:
    return FileResponse(DIRECTORY / "page.html", headers=REVALIDATE)


@router.get("/docs/page.css")
async def style() -> Response:
    return FileResponse(DIRECTORY / "page.css", headers=REVALIDATE)


@router.get("/docs/page.js")
async def script() -> Response:
    return FileResponse(DIRECTORY / "page.js", headers=REVALIDATE)
