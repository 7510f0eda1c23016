"""JSON Web Signatures (RFC 7515) that know one algorithm, HS256, so that there is no other to be talked into."""

import jwt
from jwt.algorithms import HMACAlgorithm

ALGORITHM = "HS256"


class SignatureError(Exception):
    """The text is not signed, or not by that secret. It says which, without quoting it."""


class _Hs256(HMACAlgorithm):
    """Without a rule on the secret's length: that is the settings' rule, and --dev is exempt from it."""

    def check_key_length(self, key: bytes) -> str | None:
        return None


_JWS = jwt.PyJWS(algorithms=[])
_JWS.register_algorithm(ALGORITHM, _Hs256(HMACAlgorithm.SHA256))


def sign(payload: bytes, secret: str) -> str:
    """In the compact form (RFC 7515, 3.1)."""
    return _JWS.encode(payload, secret, ALGORITHM, {"typ": "JWT"})


def unchecked_payload(token: str) -> bytes:
    """What anybody may have written; only good for finding out whose secret to check it by. SignatureError."""
    return _decode(token, None)


def signed_payload(token: str, secret: str) -> bytes:
    """The payload, signed by that secret. The header's kid, jku, x5u and such are never looked at. SignatureError."""
    return _decode(token, secret)


def _decode(token: str, secret: str | None) -> bytes:
    try:
        if secret is None:
            payload: bytes = _JWS.decode(token, options={"verify_signature": False})
        else:
            payload = _JWS.decode(token, secret, algorithms=[ALGORITHM])
    except jwt.InvalidAlgorithmError as error:
        raise SignatureError("is not signed with HS256") from error
    except jwt.InvalidSignatureError as error:
        raise SignatureError("has a wrong signature") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise SignatureError("is not a JWT") from error
    return payload
