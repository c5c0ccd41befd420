//! Signs JSON web tokens as docker-registry 2.8 expects them: ES256 with the certificate in `x5c`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

/// How long docker-registry 2.8 accepts a token after its expiry.
const REGISTRY_LEEWAY_SECONDS: u64 = 60;

/// A signing key, and the origin that its tokens name.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    header: String,
    certificate_pem: String,
    issuer: String,
    service: String,
    next_id: AtomicU64,
}

impl Signer {
    pub(super) fn generate(issuer: &str, service: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, issuer);
        let certificate = parameters.self_signed(&key)?;
        let chain = [BASE64_STANDARD.encode(certificate.der())];
        Ok(Self {
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der())?,
            header: encode(json!({"typ": "JWT", "alg": "ES256", "x5c": chain}).to_string()),
            certificate_pem: certificate.pem(),
            issuer: issuer.to_owned(),
            service: service.to_owned(),
            next_id: AtomicU64::new(1),
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A token with an `access` claim.
    pub(crate) fn token(&self, subject: &str, lifetime: Duration, access: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = json!({
            "iss": self.issuer,
            // docker-registry 2.8 rejects a list, which the standard allows.
            "aud": self.service,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime.as_secs() - REGISTRY_LEEWAY_SECONDS,
            "jti": self.next_id.fetch_add(1, Ordering::Relaxed).to_string(),
            "access": access,
        });
        let signed = format!("{}.{}", self.header, encode(claims.to_string()));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .expect("a valid key signs anything unless the system has no randomness");
        format!("{signed}.{}", encode(signature))
    }

    /// The claims of a token of this signer, unless the token has expired or is from another one.
    pub(crate) fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        (claims["exp"].as_u64()? + REGISTRY_LEEWAY_SECONDS > now).then_some(claims)
    }

    /// A token for some repositories, valid for an hour, for the test's own requests.
    pub(crate) fn repository_token(&self, grants: &[(&str, &[&str])]) -> String {
        let entry = |(name, actions): &(&str, &[&str])| json!({"type": "repository", "name": name, "actions": actions});
        let access = grants.iter().map(entry).collect();
        self.token("testkit", Duration::from_secs(3600), &Value::Array(access))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
