# The image's entrypoint and default arguments are those of the Go tool's image since v1.0.4.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package image-syncer

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/image-syncer /usr/local/bin/image-syncer
COPY LICENSE /usr/share/doc/image-syncer/LICENSE
WORKDIR /bin/
ENTRYPOINT ["image-syncer"]
CMD ["--config", "/etc/image-syncer/image-syncer.json"]
