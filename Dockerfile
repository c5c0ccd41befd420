# The same as `cargo xtask image` makes without an engine: a static binary, authorities, time zones, a user who is nobody.
# The entrypoint and default arguments are those of the Go tool's image since v1.0.4.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates tzdata
WORKDIR /source
COPY . .
ENV RUSTFLAGS="-Ctarget-feature=+crt-static -Crelocation-model=static"
RUN cargo build --release --locked --package image-syncer --target x86_64-unknown-linux-gnu
RUN mkdir -p /root-of-image/etc/image-syncer /root-of-image/bin /root-of-image/home/nonroot \
    && install -d -m 1777 /root-of-image/tmp \
    && chown 65532:65532 /root-of-image/home/nonroot \
    && echo 'root:x:0:0:root:/root:/sbin/nologin' > /root-of-image/etc/passwd \
    && echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >> /root-of-image/etc/passwd

FROM scratch
COPY --from=build /root-of-image/ /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /source/target/x86_64-unknown-linux-gnu/release/image-syncer /usr/local/bin/image-syncer
COPY LICENSE /usr/share/doc/image-syncer/LICENSE
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 65532:65532
WORKDIR /bin
ENTRYPOINT ["image-syncer"]
CMD ["--config", "/etc/image-syncer/image-syncer.json"]
