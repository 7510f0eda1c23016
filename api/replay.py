"""Idempotency-Key on creates (draft-ietf-httpapi-idempotency-key-header)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.context import Context
from api.deps import ContextDep, TokenDep
from api.idempotency import MAX_KEY_LENGTH, KeyReusedError, Reply
from api.problems import Problem


@dataclass(frozen=True, slots=True)
class Replay:
    """Makes a reply once per key, caller and route; repeats it afterwards. Refusals are not kept."""

    context: Context
    scope: str
    key: str | None

    def once(self, body: BaseModel, make: Callable[[], Response]) -> Response:
        if self.key is None:
            return make()
        request, now = body.model_dump_json().encode(), self.context.clock()
        try:
            reply = self.context.replies.find(self.scope, self.key, request, now)
        except KeyReusedError:
            detail = "This Idempotency-Key was used before, with another body."
            raise Problem(422, "idempotency-key-reused", detail) from None
        if reply is not None:
            return Response(reply.body, reply.status, dict(reply.headers) | {"Idempotency-Replayed": "true"})
        response = make()
        reply = Reply(response.status_code, bytes(response.body), tuple(response.headers.items()))
        self.context.replies.keep(self.scope, self.key, request, reply, now)
        return response


def get_replay(
    request: Request,
    context: ContextDep,
    token: TokenDep,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=MAX_KEY_LENGTH, description="Repeating a create with its key creates nothing."),
    ] = None,
) -> Replay:
    return Replay(context, f"{token.key}\n{token.identity}\n{request.url.path}", idempotency_key)


ReplayDep = Annotated[Replay, Depends(get_replay)]
