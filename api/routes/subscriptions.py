"""Which tracks a participant of a call receives: list, change. Both take the grant roomAdmin."""

from fastapi import APIRouter, Depends

from api.administration import find_participant
from api.context import Context
from api.deps import LIMITED, ContextDep, RoomName, limit_address
from api.routes.participants import ONE, Identity
from api.routes.rooms import require_admin
from api.schemas import Subscriptions, SubscriptionsUpdate
from api.views import subscription_view
from sfu.calls.member import Member
from sfu.errors import Conflict

router = APIRouter(prefix="/v1/rooms/{room}/subscriptions", tags=["Subscriptions"])


@router.get(
    ONE,
    operation_id="listSubscriptions",
    summary="List the tracks that a participant receives",
    dependencies=[Depends(limit_address), Depends(require_admin)],
)
async def list_subscriptions(room: RoomName, identity: Identity, context: ContextDep) -> Subscriptions:
    return of(find(context, room, identity))


@router.patch(
    ONE,
    operation_id="updateSubscriptions",
    summary="Choose which tracks a participant receives",
    description="As if the participant had chosen, which it may do again.",
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def update_subscriptions(
    room: RoomName, identity: Identity, body: SubscriptionsUpdate, context: ContextDep
) -> Subscriptions:
    member = find(context, room, identity)
    for track_ids, wanted in ((body.unsubscribe, False), (body.subscribe, True)):
        if track_ids:
            context.sfu.moderation.subscribe(room, identity, track_ids, wanted)
    return of(member)


def of(member: Member) -> Subscriptions:
    return Subscriptions(items=[subscription_view(subscription) for subscription in member.downstream.subscriptions])


def find(context: Context, room: str, identity: str) -> Member:
    """NotFound, Conflict ("not-a-member")."""
    find_participant(context.sfu.rooms.get(room), identity)
    member = context.sfu.member(room, identity)
    if member is None:
        raise Conflict("not-a-member", "the participant has not joined by a call's signalling")
    return member
