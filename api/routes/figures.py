"""Live figures: of everybody in a room, and of the server."""

import asyncio

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.context import Context
from api.deps import ContextDep, RoomName, TokenDep, limit_address, require
from api.figures import (
    EventLoop,
    ParticipantFigures,
    Processor,
    RoomFigures,
    ServerFigures,
    dropped,
    kinds,
    participant_figures,
    traffic,
    video_tracks,
)
from api.openapi import version
from api.server_load import cores, process_seconds, resident_bytes, thread_seconds
from sfu.participant import Participant

# Participants of a large room, of which each costs up to half a millisecond: then others have their turn.
AT_ONCE = 20

router = APIRouter(prefix="/v1", tags=["Figures"])


@router.get(
    "/rooms/{room}/figures",
    operation_id="getRoomFigures",
    summary="Live figures of everybody in a room",
    description="Takes the grant roomAdmin. Made to be asked for once a second.",
    response_model=RoomFigures,
    dependencies=[Depends(limit_address)],
)
async def get_room_figures(room: RoomName, token: TokenDep, context: ContextDep) -> Response:
    require(token.may_administer(room), "administering this room")
    everyone = context.sfu.rooms.get(room).participants
    video, figures = video_tracks(everyone), []
    for number, participant in enumerate(everyone, 1):
        figures.append(_read(context, participant, video))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    answer = RoomFigures(room=room, at=context.now(), participants=figures)
    # Written here and not by the framework, which would check it all once more.
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(
    "/server",
    operation_id="getServer",
    summary="Live figures of the server",
    description="Takes the grant roomList for every room.",
    dependencies=[Depends(limit_address)],
)
async def get_server(token: TokenDep, context: ContextDep) -> ServerFigures:
    require(token.video.room_list and token.video.room == "", "seeing the server")
    rooms, counters = context.sfu.rooms.list(), context.sfu.counters()
    event_loop, workers = thread_seconds()
    lag_seconds, observations = context.metrics.lag_so_far()
    return ServerFigures(
        at=context.now(),
        version=version(),
        uptime_seconds=context.clock() - context.started_at,
        processor=Processor(
            cores=cores(), process_seconds=process_seconds(), event_loop_seconds=event_loop, worker_seconds=workers
        ),
        memory_bytes=resident_bytes(),
        event_loop=EventLoop(lag_seconds=lag_seconds, observations=observations),
        rooms=len(rooms),
        participants=kinds(rooms),
        traffic=traffic(counters),
        dropped=dropped(counters),
    )


def _read(context: Context, participant: Participant, video: frozenset[int]) -> ParticipantFigures:
    stats = context.sfu.participant_stats(participant)
    problem = None
    if stats is None or not stats["encrypted"]:
        connection = context.sfu.connection(participant)
        problem = connection.problem if connection else None
    return participant_figures(participant, stats, problem, video)
