//! The flags that say how a registry is reached, as the keys of its auth entry do.

use std::path::PathBuf;

use clap::Args;
use oci::RegistryHost;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct ReachArgs {
    /// Any certificate, or plain HTTP
    ///
    /// Takes any certificate of this registry, and speaks plain HTTP where it has no TLS. Repeatable, or with commas.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) insecure: Vec<RegistryHost>,

    /// Plain HTTP alone
    ///
    /// Speaks plain HTTP to this registry, and never tries TLS. Repeatable, or with commas.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) plain_http: Vec<RegistryHost>,

    /// Trust the authority in a PEM file
    ///
    /// For this registry alone. Repeatable.
    #[arg(long, value_name = "HOST=FILE", value_parser = authority)]
    pub(crate) ca: Vec<(RegistryHost, PathBuf)>,
}

fn authority(text: &str) -> Result<(RegistryHost, PathBuf), String> {
    let parts = text.split_once('=').filter(|(_, file)| !file.is_empty());
    let (host, file) = parts.ok_or("write HOST=FILE, such as harbor.example.com=/etc/ssl/harbor.pem")?;
    let host = host.parse().map_err(|error| format!("{error}"))?;
    Ok((host, file.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_may_stand_behind_each_other_with_commas() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            reach: ReachArgs,
        }
        let typed =
            ["x", "--insecure", "a.example,b.example:5000", "--insecure=c.example", "--plain-http=d,e"];
        let Line { reach } = clap::Parser::try_parse_from(typed).unwrap();
        let shown = |hosts: &[RegistryHost]| hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&reach.insecure), ["a.example", "b.example:5000", "c.example"]);
        assert_eq!(reach.plain_http.len(), 2);
    }

    #[test]
    fn an_authority_is_a_host_and_a_file() {
        let (host, file) = authority("harbor.example.com:8443=ca=1.pem").unwrap();
        assert_eq!((host.as_str(), file.to_str()), ("harbor.example.com:8443", Some("ca=1.pem")));
        for wrong in ["harbor.example.com", "harbor.example.com=", "=ca.pem", "a b=ca.pem"] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }
}
