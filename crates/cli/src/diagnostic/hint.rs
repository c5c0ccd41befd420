//! The table of hints: what to do next, for each cause. `choose.rs` decides which one an error gets.

/// Makes the enum and its texts from one table. In a text, `{host}` is the registry as its auth entry names it; `{other}` is the other
/// party of the failure: the server that was asked, the program that keeps the login, or a request; `{offered}` are the TLS versions and ciphers that
/// we offer; `{login}` is the login with its place, or the places without one.
macro_rules! hints {
    ($($(#[$comment:meta])* $name:ident: $text:literal,)*) => {
        /// The advice for a failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Hint {
            $($(#[$comment])* $name,)*
        }

        impl Hint {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            pub(super) fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

hints! {
    /// The registry's name does not resolve.
    HostUnknown: "check the spelling of `{host}`, and that this machine's DNS knows it",
    /// The name of a server that the registry refers to does not resolve.
    ServerUnknown: "`{host}` sends its clients to `{other}`: this machine's DNS has to know that name, too",
    /// Refused, reset, unreachable.
    NoConnection: "check that `{other}` listens on that port, and that firewalls and whitelists let this machine in",
    /// The connection was closed before the TLS handshake.
    TlsClosed: "check that `{other}` lets this machine in (closed whitelists look like this); if it does not speak TLS at all, add `--plain-http {host}`, or \"plainHttp\": true in its auth entry",
    /// The server offers only old versions or ciphers.
    TlsVersion: "ask whoever runs `{other}`, or the proxy in front of it, to allow one of what is offered: {offered}",
    /// Any other failure of the handshake.
    TlsFailed: "ask whoever runs `{other}` what its log says of the handshake, and run the same command again",
    /// The certificate's issuer is not trusted.
    UnknownAuthority: "name the authority's file: `--ca {host}=FILE`, `ca` in its auth entry, or for all in SSL_CERT_FILE; `--insecure {host}`, or \"skipTlsVerify\": true in the entry, takes any certificate",
    /// The certificate is for another host.
    OtherHost: "write `{other}` as the certificate names it, or ask whoever runs it for a certificate with this name",
    /// Expired, not yet valid, revoked, or none for servers.
    InvalidCertificate: "ask whoever runs `{other}` for a valid certificate; until then, `--insecure {host}`, or \"skipTlsVerify\": true in its auth entry, takes any",
    /// The server demands a client certificate.
    ClientCertificate: "name the certificate and its key, `clientCert` and `clientKey`, in the auth entry of `{host}`",
    /// The server speaks plain HTTP only.
    PlainHttp: "add `--plain-http {host}`, or \"plainHttp\": true in its auth entry: it does not speak TLS",
    /// The server speaks TLS only.
    HttpsOnly: "remove `--plain-http {host}`, or \"plainHttp\" from its auth entry: it speaks TLS on that port",
    /// A redirect to an address of a private network.
    LeadsInside: "check what `{host}` redirects to: outside of a private network it may not send anybody into one; reach it by its private address if it has one",
    /// A connection broke or stalled too often.
    Broken: "run the same command again: what has arrived is not sent again. --retries tries more often",
    /// The server accepts the connection and never answers.
    Silent: "`{other}` takes connections and does not answer: check that a registry runs there, and what stands before it (`image-syncer check --config FILE` tells within seconds)",
    /// This machine has no root certificates.
    NoClient: "give this machine a bundle of certificates (most systems: the package ca-certificates), or name one in SSL_CERT_FILE",

    /// A server that the registry refers to refuses the request.
    RefusedElsewhere: "`{host}` sends its clients to `{other}`, which refuses them and never gets the login of `{host}`: name `{other}` instead of `{host}`, with an auth entry of its own",
    /// The registry refuses anonymous requests, and no login was found.
    NoLoginFound: "name user and password in an auth entry for `{host}`, or run `docker login {host}`: no login was found, for {login}; where no login should be needed, check the repository's name",
    /// The source of the login was found, but it supplied no login to send.
    NoLoginSent: "name user and password in an auth entry for `{host}`: no login was sent, because nothing that it takes came from {login}",
    /// The token server refuses user and password.
    TokenRefused: "check user and password of {login}: the token server refuses them",
    /// Alibaba's API issues no temporary login.
    AlibabaLogin: "check the access key and its RAM policy; `image-syncer acr token {host}` tries it alone, `image-syncer acr policy` prints the policy",
    /// A credential helper or a cloud's service provides no login.
    LoginKeeper: "see what {other} says above, which has {login}; user and password in the auth entry of `{host}` need no {other}",
    /// The login would go to a server that is not trusted.
    RealmNotTrusted: "ask whoever runs {host} for a token server with https, or name it as `realm` in the registry's auth entry if you trust it without TLS",
    /// The source refuses the login.
    SourceLogin: "check user and password of {login}: the registry may not know them, or they may not pull from this repository",
    /// This user lacks the permission to pull.
    NoPull: "give {login} the right to pull from this repository of `{host}`",
    /// This user lacks the permission to list.
    NoList: "give {login} the right to list at `{host}`, or name repositories and tags one by one",
    /// This user lacks the permission to push.
    MayNotPush: "give {login} the right to push there, and see that the namespace or project exists (and creates repositories by itself)",
    /// The target refuses the login.
    NoPush: "check user and password of {login}, that they may push here, and that the namespace or project exists (and creates repositories by itself)",

    /// The tag list is not found.
    NoRepository: "check the repository's name, and whether this login may see it; where it is a project or another prefix, `image-syncer repos {other}` lists what lies below it, and `{other}/**` names all of that",
    /// The tag or image is not found.
    NoImage: "check repository and tag; if they exist, whether this login may see them",
    /// A digest that a rule names is not found.
    NoDigest: "check the digest that the rule, the plan or the command line names: registries delete images that no tag names any more; if it is there, whether this login may see it",
    /// The registry has no list of repositories.
    NoCatalog: "`{host}` lists no repositories: name them one by one",
    /// The source lacks a manifest or blob of the image.
    SourceLacksPart: "the source lacks a part of the image: push or repair it there, then run the same command again",
    /// The target reports that it lacks content that was sent or found before.
    TargetLacksPart: "`{host}` says that it lacks a part of the image that it was given before: run the same command again; if that does not help, its storage needs a look",
    /// The target has no namespace for the repository.
    NoNamespace: "create the project or namespace at the target first",
    /// The tag is immutable.
    ImmutableTag: "the tag is there and `{host}` forbids to move it: change that rule there, or choose another tag",
    /// The target rejects attestations.
    Attestation: "`{host}` takes no attestations, which this index has as children for `unknown/unknown`: say `attestations: drop` in the rule of `sync`, and those that are refused are left out; or name the wanted platforms, as in `--arch amd64,arm64`; or build the image with `--provenance=false --sbom=false`",
    /// The target rejects sparse indexes.
    SparseIndex: "`{host}` takes no index without all its manifests: say `index: auto` or `index: rewrite` in `platforms` of the rule, or leave `only` out to copy all of them",
    /// The target rejects Docker's manifest types.
    DockerManifest: "have `{host}` take Docker's types beside OCI's: zot does with `\"compat\": [\"docker2s2\"]` in the `http` section of its config; or build the image with OCI types",
    /// The target rejects this media type.
    ManifestType: "ask whoever runs `{host}` to allow this type of manifest, or leave the image out",
    /// The registry takes no pushes at all.
    NoPushes: "`{host}` takes no pushes, as read-only mirrors and pull-through caches do: name the registry itself that stands behind it, or have whoever runs it switch pushes on",
    /// Any other rejection by a target.
    TargetRejects: "`{host}` does not take this image; its own words above say why",
    /// Any other rejection by a source.
    SourceRejects: "`{host}` does not give this out; its own words above say why",
    /// The content exceeds a limit of the target.
    TooLarge: "it is too large for the target: raise the limit of `{host}`, or of the proxy in front of it",
    /// The server's storage is full.
    StorageFull: "`{host}` has no room left: have whoever runs it make room (delete old images, collect garbage), then run the same command again",
    /// Too many requests.
    RateLimited: "wait a while, log in at `{host}` if you are not, or lower --proc",
    /// The account's plan or quota does not cover it.
    Payment: "the account at `{host}` does not cover this: look at its plan, its quota and its bills there",
    /// The server has an internal problem.
    Unavailable: "run the same command again later: what has arrived is not sent again",

    /// A 404 without the registry's error document, to a request for tags.
    StrangeNotFound: "a 404 without a registry's error document comes from what stands before `{host}`, as while a proxy cannot find the registry behind it: run the same command again later; if it stays so, check the repository's name and that proxy",

    /// A web page instead of an answer of a registry that has answered before.
    PageBetween: "something between here and `{host}` (a proxy, a firewall, a web application firewall) answered this request with a web page, while others reached the registry: ask whoever runs it to allow {other}",
    /// A web page instead of a registry's answer.
    WebPage: "`{other}` answers with a web page, as proxies, firewalls and web sites do: check host and port of `{host}`, and what stands before it",
    /// A web page instead of a blob, from a registry that worked before.
    PageForBlob: "something on the way to `{other}` gives a web page in place of the image's bytes, as a proxy, a firewall or the login page of a network does: log in there, or have it let `{other}` through (NO_PROXY leaves out a proxy), then run the same command again",
    /// A header is missing or unreadable.
    Header: "`{other}` leaves out a header that the protocol demands: ask whoever runs it, also whether a proxy before it drops headers",
    /// JSON of an unexpected form.
    Json: "`{other}` answers in another form than the protocol's; the words above say where: tell whoever runs it",
    /// A field is missing or has a wrong value.
    Field: "`{other}` answers with another document than the protocol's: check host and port of `{host}`; if they are right, tell whoever runs it which field is wrong",
    /// The content is compressed, though identity encoding was requested.
    Encoding: "`{other}`, or a proxy before it, compresses what was asked for as it is: switch that off there for everything below `/v2/`, and for the storage it redirects to",
    /// A list without an end.
    NoEnd: "`{host}` lists more than any real list has: ask whoever runs it whether its list ends; repositories and tags can be named one by one meanwhile",
    /// The answer exceeds the limit.
    AnswerTooLarge: "`{other}` answers with more than such an answer may need: ask whoever runs it why",
    /// An unexpected status.
    Status: "`{other}`, or a proxy before it, gives an answer that the protocol does not know here: tell whoever runs it",
    /// A redirect that is not followed.
    Redirect: "ask whoever runs `{host}` to redirect to an address that clients may follow; the reason above says what is wrong with this one",
    /// A redirect from TLS to plain HTTP.
    LeavesTls: "add `--insecure {host}`, or \"insecure\": true in its auth entry, if its storage may be without TLS; the login never goes there",
    /// The upload session's location changes during the upload.
    UploadMoved: "run the same command again; if that does not help, ask whoever runs `{host}` why it moves uploads that have begun",
    /// A layer outside of registries.
    ExternalLayer: "push the layer itself to the source: the address that its manifest names cannot be used",
    /// The pages of a list are inconsistent.
    Page: "tell whoever runs `{host}` that its list's pages lead wrong; repositories and tags can be named one by one meanwhile",
    /// The referrers tag is no list of referrers.
    ReferrersTag: "delete or rename that tag: the protocol keeps it for a list of what refers to an image; or copy without referrers (--referrers=false)",
    /// The target stores other bytes than were sent.
    StoredOther: "ask whoever runs `{host}` what changes the bytes that it is sent: a copy that differs must not be used",
    /// Any other violation of the protocol.
    OtherProblem: "tell whoever runs `{other}` what stands above: it breaks the protocol",

    /// The bytes do not match their digest.
    Damaged: "the source's storage is damaged, or something on the way changes bytes: pull the image from another network to tell",
    /// The bytes do not match the manifest's size.
    OtherSize: "`{host}` has more or fewer bytes than the image's manifest says: push the image anew there; a registry that lost bytes needs a look at its storage",
    /// The target has a damaged blob, and rejects its replacement.
    KeepsOtherLength: "the storage of `{host}` has a damaged blob: ask whoever runs it to delete that blob (or all images with it, and collect garbage), then copy again",
    /// The target has a damaged manifest, and rejects its replacement.
    KeepsUnreadable: "the storage of `{host}` has a damaged manifest: ask whoever runs it to delete that manifest's file in the storage (on docker-registry `blobs/sha256/.../data`; a deletion by its API is not enough), then run the same command again",
    /// The manifest cannot be parsed.
    BrokenManifest: "the manifest that `{host}` has is broken: push the image anew there",
    /// A list of referrers would be too long.
    LongList: "more refers to that image than one list under a tag can name: leave some of it behind with `referrers.types` or `referrers.exclude` in its rule, or copy to a registry that keeps lists of referrers itself",
    /// The manifest's type is ambiguous.
    UnclearManifest: "push the image anew to `{host}` with a tool that sets `mediaType`, or ask whoever runs it which Content-Type it gives",
    /// The registry returned another manifest than requested.
    OtherManifest: "`{host}`, or a cache before it, gives another manifest than was asked for: ask whoever runs it",

    /// The number of names differs from the number of images.
    Count: "give no name at the target to keep the source's names, or one for each image",
    /// The digest in the target's name differs from the image's.
    OtherDigest: "name a tag at the target, or the digest that the source has now",
    /// The target has another image under the name, and the rule keeps it.
    Conflict: "look which of the two is right; `onConflict: overwrite` in the rule replaces what the target has, `onConflict: keep` leaves it without a failure",
    /// The target does not show what it has under the name, and the rule or the plan depends on that.
    Hidden: "give {login} the right to read there: what `{host}` does not show is not replaced under `onConflict: keep` or `fail`, nor by a plan's step; `onConflict: overwrite` in the rule of a `sync` stores the image whatever is there",
    /// The target has changed since the plan was made.
    Drift: "look who changed the target since the plan was made; a new plan takes what is there now into account",
    /// A plan's `resultDigest` differs from the digest that its step produces.
    OtherResult: "nothing was written under this name; make the plan anew: `resultDigest` follows from the source's image and the rule, and is not to be edited",
    /// A rule selects fewer tags than `atLeast`.
    TooFew: "see what the source lacks, or with -v which stage of the rule's `tags` leaves tags out; or write a smaller `atLeast`",
    /// A rule needs dates that the registry does not tell.
    NoDates: "of registries Harbor and Alibaba's Enterprise Edition (with \"provider\": \"acr\") tell dates, to logins that may list artifacts; elsewhere use `minAge`, which the state can tell, or `latest` by version",
    /// A shard does not know its part.
    Undivided: "start this shard again when `{host}` answers: it then takes the same part as the others; or divide once for all machines, with `image-syncer plan --shards N --out FILE` and `image-syncer apply FILE --shard I/N`",
    /// Rules that copy the same names to each other.
    Circle: "let each tag have one direction: give the rules tags or patterns that do not overlap; none of these images was copied",
    /// Two rules give one name to different images.
    Collision: "give one of the two rules another target, or tags or patterns that do not overlap",
    /// Two repositories have the same target.
    TargetShared: "give the pattern a target in which the source's whole path stands, such as `registry/namespace/{path:_}`; nothing of this rule was copied",
    /// The target is no valid repository name.
    TargetName: "give the pattern another target; nothing of this rule was copied",
    /// Two images have the same target.
    TargetTaken: "give one of the two rules another target",
    /// Indexes nested too deeply.
    TooDeep: "push the image in a flatter form: so many indexes inside each other are never looked through",
    /// Stopped before the next try.
    Stopped: "run the same command again: it goes on where this one stopped",
    /// A bug of this program.
    Panic: "report this, with the image's name, to the makers of image-syncer",

    /// An API beside the protocol refuses the login.
    ProviderLogin: "check user and password of {login}",
    /// An API beside the protocol demands a permission.
    ProviderDenied: "give {login} the right to list or create in `{host}`; `image-syncer acr policy` prints the one for Alibaba Cloud",
    /// An API beside the protocol does not find the object.
    ProviderNotFound: "check the name of the project or namespace, and whether this login may see it",
    /// Any other error of an API beside the protocol; the words are ours.
    ProviderRejects: "do what the words above say; `image-syncer check` looks at each step by itself",
}
