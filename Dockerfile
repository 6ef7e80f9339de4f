FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/medianest \
 && /opt/medianest/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY medianest medianest
RUN /opt/medianest/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app medianest
WORKDIR /app
COPY --from=build /opt/medianest /opt/medianest
RUN mkdir -m 700 instance && chown medianest instance
ENV PATH=/opt/medianest/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MEDIANEST_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000
USER medianest
VOLUME /app/instance
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s CMD \
    ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/api/v1/health/live'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["medianest"]
CMD ["serve"]
