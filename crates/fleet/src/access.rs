//! The address of NATS, and the login there.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// The address of NATS, this process's login there, and the authority that it trusts.
#[derive(Clone)]
pub struct Access {
    url: String,
    host: String,
    port: u16,
    login: Login,
    ca: Option<PathBuf>,
    needs_tls: bool,
    /// The subject below which answers come. `None`: a subject with the connection's name.
    inbox: Option<String>,
}

/// The longest inbox in bytes. NATS appends a token for each request.
const LONGEST_INBOX: usize = 128;

/// A login at NATS.
#[derive(Clone)]
pub enum Login {
    /// No login, for servers that ask for none.
    Nobody,
    /// A user with a password.
    User(String, String),
    /// The seed of an nkey.
    Nkey(String),
    /// A file with a JWT and a seed, as `nsc` writes it.
    Credentials(PathBuf),
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nobody => "nobody",
            Self::User(..) => "user",
            Self::Nkey(_) => "nkey",
            Self::Credentials(_) => "credentials",
        })
    }
}

/// Why an address or an inbox is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It is no address of NATS.
    #[error("`{0}` is no address of NATS: write nats://HOST:4222, or tls://HOST:4222")]
    NoAddress(String),
    /// Logins do not belong into command lines.
    #[error("the address has a login in it, which all users of this machine can read")]
    LoginInAddress,
    /// Without TLS anyone on the network path could read and write jobs.
    #[error("{0} would be spoken to without TLS, beyond this machine")]
    Plain(String),
    /// It is no subject that a client can subscribe below.
    #[error("`{0}` is no subject of NATS that answers can come below")]
    NoInbox(String),
}

impl Access {
    /// The server at `url`. Connections beyond this machine must use TLS, unless `allows_plain`.
    ///
    /// # Errors
    /// It is no address, it contains a login, or it needs TLS.
    pub fn new(
        url: &str,
        login: Login,
        ca: Option<PathBuf>,
        allows_plain: bool,
    ) -> Result<Self, AccessError> {
        let no_address = || AccessError::NoAddress(oci::foreign_text::clean(url).into_owned());
        let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
        let needs_tls = match scheme {
            "nats" => ca.is_some(),
            "tls" => true,
            _ => return Err(no_address()),
        };
        if rest.contains('@') {
            return Err(AccessError::LoginInAddress);
        }
        let (host, port) = host_and_port(rest.trim_end_matches('/')).ok_or_else(no_address)?;
        if !needs_tls && !allows_plain && !is_loopback(host) {
            return Err(AccessError::Plain(host.to_owned()));
        }
        let (url, host) = (format!("{scheme}://{host}:{port}"), host.to_owned());
        Ok(Self { url, host, port, login, ca, needs_tls, inbox: None })
    }

    /// Sets the subject below which answers come, whatever the connection's name: for a login that connections of several names share.
    ///
    /// # Errors
    /// It is no subject.
    pub fn with_inbox(self, inbox: &str) -> Result<Self, AccessError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_token = |token: &str| !token.is_empty() && token.bytes().all(is_plain);
        if inbox.len() > LONGEST_INBOX || !inbox.split('.').all(is_token) {
            return Err(AccessError::NoInbox(oci::foreign_text::clean(inbox).into_owned()));
        }
        Ok(Self { inbox: Some(inbox.to_owned()), ..self })
    }

    /// The subject below which a connection of this name gets its answers.
    pub(crate) fn inbox(&self, name: &str) -> String {
        self.inbox.clone().unwrap_or_else(|| format!("_INBOX_{name}"))
    }

    /// The address for people, without the login.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port.
    pub(crate) fn server(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }

    pub(crate) fn uses_tls(&self) -> bool {
        self.needs_tls
    }

    pub(crate) async fn options(&self) -> std::io::Result<async_nats::ConnectOptions> {
        let options = async_nats::ConnectOptions::new().require_tls(self.needs_tls);
        let options = match &self.ca {
            Some(ca) => options.add_root_certificates(ca.clone()),
            None => options,
        };
        match &self.login {
            Login::Nobody => Ok(options),
            Login::User(user, password) => Ok(options.user_and_password(user.clone(), password.clone())),
            Login::Nkey(seed) => Ok(options.nkey(seed.clone())),
            Login::Credentials(file) => options.credentials_file(file).await,
        }
    }
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let is_name = |host: &str| {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        };
        !host.is_empty() && host.bytes().all(is_plain)
    };
    let end_of_v6 = text.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match text[end_of_v6..].rfind(':') {
        Some(colon) => (&text[..end_of_v6 + colon], text[end_of_v6 + colon + 1..].parse().ok()?),
        None => (text, 4222),
    };
    is_name(host).then_some((host, port))
}

/// Whether only this machine can reach the host.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, AccessError> {
        Access::new(text, Login::Nobody, None, false).map(|access| access.url().to_owned())
    }

    #[test]
    fn plain_connections_stay_on_this_machine() {
        assert_eq!(url("nats://127.0.0.1:4333").unwrap(), "nats://127.0.0.1:4333");
        assert_eq!(url("localhost").unwrap(), "nats://localhost:4222");
        assert_eq!(url("nats://[::1]/").unwrap(), "nats://[::1]:4222");
        assert_eq!(url("tls://nats.example").unwrap(), "tls://nats.example:4222");
        assert_eq!(url("nats://nats.example"), Err(AccessError::Plain("nats.example".to_owned())));
        assert_eq!(url("nats://127.0.0.1.example"), Err(AccessError::Plain("127.0.0.1.example".to_owned())));
        assert!(Access::new("nats://nats.example", Login::Nobody, None, true).is_ok());
        let with_ca =
            Access::new("nats://nats.example", Login::Nobody, Some("ca.pem".into()), false).unwrap();
        assert!(with_ca.needs_tls, "who names a CA wants TLS");
    }

    #[test]
    fn answers_come_below_a_name_of_ours_or_where_it_is_told() {
        let access = || Access::new("127.0.0.1", Login::Nobody, None, false).unwrap();
        assert_eq!(access().inbox("w1"), "_INBOX_w1");
        assert_eq!(access().with_inbox("_INBOX_workers.a").unwrap().inbox("w1"), "_INBOX_workers.a");
        for wrong in ["", "a.", ".a", "a..b", "a b", "_INBOX_*", ">", "a.>", "\u{1b}", &"a".repeat(129)] {
            assert!(matches!(access().with_inbox(wrong), Err(AccessError::NoInbox(_))), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["http://a", "nats://", "nats://a b:1", "nats://a:x", "nats://127.0.0.1:99999"] {
            assert!(matches!(url(text), Err(AccessError::NoAddress(_))), "{text}");
        }
        assert_eq!(url("nats://u:p@127.0.0.1"), Err(AccessError::LoginInAddress));
    }
}
