"""Data for participants, from their backend: send."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from api.deps import LIMITED, RoomName
from api.livekit.server_data import Message, ServerData
from api.replay import ReplayDep
from api.routes.rooms import require_admin
from api.schemas import DataSend, DataSent

router = APIRouter(prefix="/v1/rooms/{room}/data", tags=["Data"])


def get_data(request: Request) -> ServerData:
    data: ServerData = request.app.state.server_data
    return data


@router.post(
    "",
    operation_id="sendData",
    summary="Send data to participants of a call",
    description="LiveKit's SDKs show it as data received from nobody, with its topic. Takes the grant roomAdmin.",
    response_model=DataSent,
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def send_data(
    room: RoomName, body: DataSend, data: Annotated[ServerData, Depends(get_data)], replay: ReplayDep
) -> Response:
    message = Message(body.content, body.topic, body.reliable, body.identities)

    def send() -> Response:
        return JSONResponse(DataSent(recipients=data.send(room, message)).model_dump())

    return replay.once(body, send)
