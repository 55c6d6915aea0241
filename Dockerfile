# The gateway alone: what uv.lock names without the dev group, run by an ordinary user.
FROM python:3.13-slim-trixie AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /srv/gateway
# The dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-dev --no-install-project
COPY app app
COPY loaders loaders
COPY resolvers resolvers
COPY sandbox sandbox
RUN uv sync --locked --no-dev --no-editable

FROM python:3.13-slim-trixie
RUN useradd --create-home --no-log-init --uid 10001 gateway
COPY --from=build /srv/gateway/.venv /srv/gateway/.venv
ENV PATH=/srv/gateway/.venv/bin:$PATH HOST=0.0.0.0
# A number, so that an orchestrator sees that it is not root's.
USER 10001
WORKDIR /home/gateway
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + (os.environ.get('PORT') or '8000') + '/healthz')"]
CMD ["raken-gateway", "serve"]
