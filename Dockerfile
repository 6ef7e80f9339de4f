# `make image` builds it, with the version and the revision as labels. Any user may run it, with a read-only root
# (--read-only --tmpfs /tmp); what it keeps is in /app/instance.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# pip works from outside, so that neither it nor what builds the package comes along.
RUN python -m venv --without-pip /opt/medianest
COPY requirements.lock ./
RUN pip --python /opt/medianest install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY medianest medianest
RUN pip --python /opt/medianest install --no-cache-dir --no-deps --no-build-isolation . \
 && pip --python /opt/medianest uninstall --yes setuptools

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MediaNest" \
      org.opencontainers.image.description="The resilient API in front of Plex and Overseerr" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/medianest /opt/medianest
WORKDIR /app
# For the user below, and for any other of the group root, as OpenShift chooses them.
RUN mkdir -m 770 instance && chown 10001:0 instance
ENV PATH=/opt/medianest/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDIANEST_ENV=production \
    MEDIANEST_SANDBOX=false \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001:0
VOLUME /app/instance
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s CMD \
    ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/api/v1/health/live'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["medianest"]
CMD ["serve"]
