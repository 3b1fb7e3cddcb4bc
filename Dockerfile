# forebear alone, without network at run time: docker run --rm --network none -v "$PWD:/data:ro" forebear verify /data/model
FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md SECURITY.md ./
COPY forebear ./forebear
COPY docs ./docs
RUN python -m pip install --no-cache-dir ".[yaml,attest]" && useradd --create-home reader
USER reader
WORKDIR /data
ENTRYPOINT ["forebear"]
CMD ["--help"]
