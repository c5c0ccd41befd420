//! The command line's settings for reaching registries, applied as if they stood in auth entries.

use oci::RegistryHost;
use registry::{Scheme, Security};

use super::reach::Reach;
use super::{Auth, AuthEntry, normal_host};
use crate::args::ReachArgs;
use crate::config::ConfigError;

const FILE_HELP: &str = "name a PEM file, or a folder with .crt, .pem or .cer files; a relative path begins at the folder that you are in";

impl Auth {
    /// Changes all entries of the registries that the flags name, or adds an entry with nothing else.
    pub(crate) fn reach_by(&mut self, flags: &ReachArgs) -> Result<(), Vec<ConfigError>> {
        for host in &flags.insecure {
            self.change("--insecure", host, |reach| reach.security = Security::INSECURE);
        }
        for host in &flags.plain_http {
            self.change("--plain-http", host, |reach| reach.security.scheme = Scheme::Plain);
        }
        for (host, file) in &flags.ca {
            let read = self.each("--ca", host).try_for_each(|entry| {
                let certificates = std::mem::take(&mut entry.reach.certificates);
                entry.reach.certificates = certificates.with_authorities(file)?;
                Ok(())
            });
            read.map_err(|error: registry::HostCertificatesError| {
                let problem = format!("--ca {host}={} cannot be used: {error}", file.display());
                vec![ConfigError::new(problem).help(FILE_HELP)]
            })?;
        }
        Ok(())
    }

    fn change(&mut self, flag: &'static str, host: &RegistryHost, change: impl Fn(&mut Reach)) {
        self.each(flag, host).for_each(|entry| change(&mut entry.reach));
    }

    fn each(&mut self, flag: &'static str, host: &RegistryHost) -> impl Iterator<Item = &mut AuthEntry> {
        let name = normal_host(host.as_str());
        if !self.entries.iter().any(|entry| entry.prefix == name) {
            self.push(AuthEntry::empty(host));
        }
        let made = self.entries.iter_mut().filter(|entry| entry.place.is_none() && entry.prefix == name);
        made.filter(|entry| !entry.flags.contains(&flag)).for_each(|entry| entry.flags.push(flag));
        let front = format!("{name}/");
        self.entries.iter_mut().filter(move |entry| format!("{}/", entry.prefix).starts_with(&front))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_count_for_all_entries_of_a_registry_and_for_none_of_another() {
        let entry =
            |key: &str| AuthEntry { prefix: key.to_owned(), ..AuthEntry::empty(&"r.io".parse().unwrap()) };
        let mut auth =
            Auth { entries: vec![entry("r.io/a"), entry("r.io:5000"), entry("q.io")], ..Auth::default() };
        let hosts = |text: &str| vec![text.parse::<RegistryHost>().unwrap()];
        let flags = ReachArgs { insecure: hosts("r.io"), plain_http: hosts("q.io"), ca: Vec::new() };
        auth.reach_by(&flags).unwrap();
        let schemes: Vec<_> =
            auth.entries.iter().map(|entry| (entry.prefix.as_str(), entry.reach.security.scheme)).collect();
        assert_eq!(
            schemes,
            [
                ("r.io/a", Scheme::TlsOrPlain),
                ("r.io:5000", Scheme::Tls),
                ("q.io", Scheme::Plain),
                ("r.io", Scheme::TlsOrPlain)
            ]
        );
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_told() {
        let ca = vec![("r.io".parse().unwrap(), "/nonexistent/ca.pem".into())];
        let errors = Auth::default().reach_by(&ReachArgs { ca, ..ReachArgs::default() }).unwrap_err();
        assert!(
            errors[0].to_string().contains("--ca r.io=/nonexistent/ca.pem cannot be used"),
            "{}",
            errors[0]
        );
        // c19: the error is not about a config file.
        assert!(!errors[0].to_string().contains("config file"), "{}", errors[0]);
    }
}
