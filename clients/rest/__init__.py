"""A client of the REST API, for backends."""

from clients.rest.client import SluiceClient
from clients.rest.errors import ApiError, UnreachableError

__all__ = ["ApiError", "SluiceClient", "UnreachableError"]
