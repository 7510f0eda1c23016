"""The description of the API, and the page that shows it."""

import re
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.routes.reference import DIRECTORY


def operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in description["paths"].values() for operation in item.values()]


def test_operation_ids_are_stable(app: FastAPI) -> None:
    description = app.openapi()
    assert description["openapi"].startswith("3.1")
    assert sorted(operation["operationId"] for operation in operations(description)) == [
        "createRoom",
        "deleteRoom",
        "forwardParticipant",
        "getHealth",
        "getIceServers",
        "getMetrics",
        "getParticipant",
        "getReadiness",
        "getRoom",
        "getRoomFigures",
        "getServer",
        "getTrack",
        "listParticipants",
        "listRooms",
        "listSubscriptions",
        "listTracks",
        "mintToken",
        "moveParticipant",
        "removeParticipant",
        "sendData",
        "updateParticipant",
        "updateRoom",
        "updateSubscriptions",
        "updateTrack",
        "whepClose",
        "whepOpen",
        "whepPatch",
        "whepProbe",
        "whepProbeSession",
        "whipClose",
        "whipOpen",
        "whipPatch",
        "whipProbe",
        "whipProbeSession",
    ]


def test_every_error_is_described_as_a_problem(app: FastAPI) -> None:
    description = app.openapi()
    for operation in operations(description):
        assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]
        assert "422" not in operation["responses"]
        assert operation["tags"]
    schemas = description["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    references = set(re.findall(r"#/components/schemas/(\w+)", str(description)))
    assert references <= schemas.keys()


def test_bodies_have_examples(app: FastAPI) -> None:
    description = app.openapi()
    schemas = description["components"]["schemas"]
    bodies = [operation["requestBody"] for operation in operations(description) if "requestBody" in operation]
    references = [body["content"].get("application/json", {}).get("schema", {}).get("$ref") for body in bodies]
    named = {reference.rsplit("/", 1)[1] for reference in references if reference}
    assert {"RoomCreate", "TokenCreate", "ParticipantUpdate", "DataSend"} <= named
    assert [name for name in named if not schemas[name].get("examples")] == []


async def test_the_page_loads_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert loaded
    for url in loaded:
        assert url.startswith("/")
        assert (await http.get(url)).status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page.text)


def test_the_page_writes_text_not_markup() -> None:
    script = Path(DIRECTORY / "page.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
