//! One token: it looks like a JWT, so that a client can read its claims, but it is remembered instead of signed.

use std::hash::{BuildHasher as _, RandomState};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::access::{Grant, TokenAccess, TokenAnswers, TokenForm};
use crate::gate::CATALOG;

pub(super) struct Issued {
    pub(super) token: String,
    pub(super) grants: Vec<Grant>,
    expires: Instant,
}

impl Issued {
    pub(super) fn new(access: &TokenAccess, subject: &str, grants: Vec<Grant>) -> Self {
        let now = seconds_since_epoch();
        let claims = json!({
            "iss": "embedded-token-issuer",
            "sub": subject,
            "aud": access.service,
            "iat": now,
            "exp": now + access.lifetime.as_secs(),
            "access": grants.iter().map(claim).collect::<Vec<_>>(),
        });
        let token = match access.form {
            TokenForm::Opaque => unguessable(),
            TokenForm::Jwt => {
                let head = encode(json!({"typ": "JWT", "alg": "RS256"}).to_string());
                // In place of a signature: a random text, which also makes each token unique.
                format!("{head}.{}.{}", encode(claims.to_string()), unguessable())
            }
        };
        Self { token, grants, expires: Instant::now() + access.lifetime }
    }

    pub(super) fn is_alive(&self) -> bool {
        Instant::now() < self.expires
    }

    /// The token server's answer.
    pub(super) fn document(&self, access: &TokenAccess, refresh_token: Option<&str>) -> Value {
        if access.answers == TokenAnswers::AccessTokenOnly {
            return json!({"access_token": self.token});
        }
        let issued_at = timestamp(seconds_since_epoch());
        let expires_in = access.lifetime.as_secs();
        let mut document = json!({"token": self.token, "expires_in": expires_in, "issued_at": issued_at});
        if let Some(refresh_token) = refresh_token {
            document["refresh_token"] = refresh_token.into();
        }
        document
    }
}

/// A new random text.
pub(super) fn unguessable() -> String {
    let bytes: Vec<u8> = (0..4_u8).flat_map(|part| RandomState::new().hash_one(part).to_le_bytes()).collect();
    encode(bytes)
}

fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn claim(grant: &Grant) -> Value {
    if grant.repositories == CATALOG {
        return json!({"type": "registry", "name": "catalog", "actions": ["*"]});
    }
    let actions: Vec<_> = grant.actions.iter().map(|action| action.name()).collect();
    json!({"type": "repository", "name": grant.repositories, "actions": actions})
}

fn seconds_since_epoch() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// RFC 3339 in UTC. Days to a date as in Howard Hinnant's `civil_from_days`: years begin in March, so that the
/// leap day is the last of its year.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(1_700_000_000), "2023-11-14T22:13:20Z");
    }
}
