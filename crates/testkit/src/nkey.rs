//! Keys and accounts of NATS: <https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt>.

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::fill;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The owner of a key: the first letter of its public form.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Owner {
    /// `A`
    Account = 0,
    /// `O`
    Operator = 14 << 3,
    /// `U`
    User = 20 << 3,
}

/// `S`: a seed.
const SEED: u8 = 18 << 3;

/// A key pair in NATS' format.
pub struct Nkey {
    owner: Owner,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl Nkey {
    /// A user's key.
    pub fn user() -> Result<Self> {
        Self::generate(Owner::User)
    }

    fn generate(owner: Owner) -> Result<Self> {
        let mut seed = [0; 32];
        fill(&mut seed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { owner, seed, pair })
    }

    /// The public form.
    pub fn public(&self) -> String {
        encoded(&[self.owner as u8], self.pair.public_key().as_ref())
    }

    /// The secret form.
    pub fn seed(&self) -> String {
        // The owner's five bits follow those of the seed prefix.
        let owner = self.owner as u8;
        encoded(&[SEED | owner >> 5, (owner & 31) << 3], &self.seed)
    }

    /// A JWT signed by this key.
    fn sign(&self, about: &str, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
        let body =
            json!({"iss": self.public(), "sub": about, "name": "test", "iat": 1_700_000_000, "nats": claims});
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}", part(&header), part(&body));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

/// An operator with one account, which may keep streams, and a user of it.
pub struct NatsOperator {
    operator: Nkey,
    system: Nkey,
    account: Nkey,
    user: Nkey,
}

impl NatsOperator {
    /// With new keys.
    pub fn generate() -> Result<Self> {
        let keys = [Owner::Operator, Owner::Account, Owner::Account, Owner::User].map(Nkey::generate);
        let [operator, system, account, user] = keys;
        Ok(Self { operator: operator?, system: system?, account: account?, user: user? })
    }

    /// The config lines of a server that knows the account. Without a system account it keeps no streams.
    pub fn config(&self) -> String {
        let operator =
            self.operator.sign(&self.operator.public(), &json!({"type": "operator", "version": 2}));
        let [system, account] = [
            (&self.system, json!({})),
            (&self.account, json!({"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1})),
        ]
        .map(|(account, jetstream)| self.account(&account.public(), jetstream));
        format!(
            "operator: {operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {system}, {account} }}",
            self.system.public()
        )
    }

    /// An account's public key and JWT, with `limits` in addition to the common ones.
    fn account(&self, public: &str, mut limits: Value) -> String {
        for limit in ["subs", "data", "payload", "imports", "exports", "conn", "leaf"] {
            limits[limit] = json!(-1);
        }
        limits["wildcards"] = json!(true);
        let claims = json!({"type": "account", "version": 2, "limits": limits});
        format!("{public}: {}", self.operator.sign(public, &claims))
    }

    /// The user's creds file, in `nsc`'s format.
    pub fn credentials(&self) -> String {
        let claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}});
        let user = self.account.sign(&self.user.public(), &claims);
        let seed = self.user.seed();
        format!(
            "-----BEGIN NATS USER JWT-----\n{user}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }
}

/// Base32 of prefix, key and checksum.
fn encoded(prefix: &[u8], key: &[u8]) -> String {
    let mut bytes = [prefix, key].concat();
    bytes.extend(crc16(&bytes).to_le_bytes());
    base32(&bytes)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        let mut sum: u16 = sum ^ u16::from(*byte) << 8;
        for _ in 0..8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 };
        }
        sum
    })
}

fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let letter = |five: &[u8]| {
        let number = (0..5).fold(0, |number, bit| number << 1 | five.get(bit).copied().unwrap_or(0));
        char::from(LETTERS[usize::from(number)])
    };
    bits.chunks(5).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_owners_letter() {
        let operator = NatsOperator::generate().unwrap();
        assert!(operator.operator.public().starts_with('O') && operator.operator.seed().starts_with("SO"));
        assert!(operator.account.public().starts_with('A') && operator.account.seed().starts_with("SA"));
        assert!(operator.user.public().starts_with('U') && operator.user.seed().starts_with("SU"));
        assert_eq!((operator.user.public().len(), operator.user.seed().len()), (56, 58));
        assert_eq!((crc16(b"123456789"), base32(b"foob").as_str()), (0x31c3, "MZXW6YQ"));
    }
}
