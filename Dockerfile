# Sluice in a container: the wheel is built with Rust and Node, the runtime image has neither.

FROM node:22-bookworm-slim AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS wheel
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/build
WORKDIR /src
COPY requirements-dev.lock ./
RUN /opt/build/bin/pip install --no-cache-dir --constraint requirements-dev.lock maturin
COPY Cargo.toml Cargo.lock rustfmt.toml pyproject.toml README.md LICENSE ./
COPY datapath datapath
COPY bench/loadgen bench/loadgen
COPY tools/build_backend.py tools/build_backend.py
COPY api api
COPY clients clients
COPY sfu sfu
COPY turn turn
COPY --from=pages /src/api/static api/static
# abi3: one wheel for every Python from 3.11 on, whatever the runtime image brings.
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13-slim-bookworm
COPY requirements.lock /tmp/requirements.lock
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --requirement /tmp/requirements.lock \
    && pip install --no-cache-dir --no-deps /tmp/wheels/*.whl \
    && rm -rf /tmp/wheels /tmp/requirements.lock \
    && groupadd --system --gid 10001 sluice \
    && useradd --system --uid 10001 --gid sluice --no-create-home --shell /usr/sbin/nologin sluice
USER 10001:10001
WORKDIR /srv
ENV PYTHONUNBUFFERED=1
EXPOSE 7880/tcp 3478/udp 3478/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7880/healthz', timeout=2)"]
# SIGTERM ends it: sessions are told, then closed.
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluice"]
CMD ["serve"]
