"""One GET as a program, from wherever it is run: the status, then the body.

python -m tests.nat.ask URL TOKEN
"""

import sys

import httpx


def main(url: str, token: str) -> None:
    response = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    sys.stdout.write(f"{response.status_code}\n{response.text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
