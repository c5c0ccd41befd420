//! The keys of an auth entry for the login: literal, from the environment, or from a file.

use std::path::Path;

use registry::Credentials;
use secrecy::SecretString;

use super::HalfLogin;
use super::entry_reader::{Absent, EntryReader, Expansion};
use crate::config::document::{Format, Node, Scalar, Value};
use crate::config::error::ConfigError;
use crate::config::file_name::shown;
use crate::config::file_text;

/// Longer than any password; tokens can be long.
const LONGEST_PASSWORD: usize = 64 << 10;

const ONE_OF: &str = "write one of password, passwordEnv (the name of an environment variable) and passwordFile, and one of username and usernameEnv";

impl EntryReader<'_> {
    /// User and password. If one is empty, there is no login, as in the Go tool.
    pub(super) fn credentials(
        &mut self,
        fields: &[(String, Node)],
    ) -> Result<(Option<Credentials>, Option<HalfLogin>), ConfigError> {
        let user_node = self.one_of(fields, &["username", "usernameEnv"])?;
        let password_node = self.one_of(fields, &["password", "passwordEnv", "passwordFile"])?;
        let username = self.part(user_node)?;
        let password = self.part(password_node)?;
        if let Some((_, node)) = password_node {
            self.warn_of_tag(node);
        }
        if !self.absences.is_empty() {
            return Ok((None, Some(HalfLogin::Kept(self.absences.join(", ")))));
        }
        Ok(match (username.is_empty(), password.is_empty()) {
            (false, false) => (Some(Credentials::new(username, SecretString::from(password))), None),
            (true, true) => (None, None),
            (false, true) => {
                self.warn_of_missing_password(&username, user_node, password_node);
                (None, Some(HalfLogin::User(username)))
            }
            (true, false) => {
                self.warn(password_node, "has a password but no username, so it is no login and not used");
                (None, Some(HalfLogin::Password))
            }
        })
    }

    /// The one of these keys that is present; two are an error.
    fn one_of<'a>(
        &self,
        fields: &'a [(String, Node)],
        keys: &[&'static str],
    ) -> Result<Option<(&'static str, &'a Node)>, ConfigError> {
        let mut written = keys.iter().filter_map(|key| self.find(fields, key).map(|node| (*key, node)));
        let (first, second) = (written.next(), written.next());
        match (first, second) {
            (Some((first, _)), Some((second, node))) => {
                Err(self.error(node, &format!("has both {first} and {second}")).help(ONE_OF))
            }
            _ => Ok(first),
        }
    }

    /// The value of one of the keys: literal, from a variable, or from a file.
    fn part(&mut self, written: Option<(&'static str, &Node)>) -> Result<String, ConfigError> {
        let Some((key, node)) = written else { return Ok(String::new()) };
        if key == "username" || key == "password" {
            self.warn_of_literal(key, node)?;
            return self.text(key, node);
        }
        let place = self.written(key, node)?;
        if place.is_empty() {
            return Err(self.error(node, &format!("has an empty {key}")).help(ONE_OF));
        }
        let (read, absence) = if key == "passwordFile" {
            (self.password_file(node, &place), format!("from the file {place}, which cannot be used"))
        } else {
            (self.variable(node, key, &place), format!("from ${place}, which is not set"))
        };
        match read {
            Err(error) if self.absent == Absent::IsTold => {
                self.warnings.push(error.problem());
                self.absences.push(absence);
                Ok(String::new())
            }
            read => read,
        }
    }

    /// The value of a variable.
    fn variable(&self, node: &Node, key: &str, name: &str) -> Result<String, ConfigError> {
        (self.lookup)(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            self.error(node, &format!("has the {key} `{name}`, but that variable is not set or empty"))
                .help("write the variable's name alone, without $, and export the variable")
        })
    }

    /// The password in a file, without the newline that editors append.
    fn password_file(&self, node: &Node, place: &str) -> Result<String, ConfigError> {
        let path = self.file.parent().unwrap_or(Path::new("")).join(place);
        let wrong = |problem: &str| {
            self.error(node, &format!("has the passwordFile `{}`, {problem}", path.display())).help(
                "name a file that holds the password alone; a relative path begins at the folder of this config file, and ~ is not replaced",
            )
        };
        let text = file_text::read_at_most(&path, LONGEST_PASSWORD as u64)
            .map_err(|error| wrong(&format!("which cannot be read: {error}")))?;
        if text.len() > LONGEST_PASSWORD {
            return Err(wrong("which is too long for a password"));
        }
        let text = String::from_utf8(text).map_err(|_| wrong("which is no UTF-8"))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() { Err(wrong("which is empty")) } else { Ok(text.to_owned()) }
    }

    fn warn_of_missing_password(
        &mut self,
        username: &str,
        user: Option<(&'static str, &Node)>,
        password: Option<(&'static str, &Node)>,
    ) {
        let is_null = password.is_some_and(|(_, node)| node.is_null());
        let why = if is_null && self.format == Format::Yaml {
            ": in YAML, `#` begins a comment, `!` a tag, and `~` is nothing: put a password that begins so in quotes"
        } else {
            ""
        };
        let place = password.or(user);
        self.warn(
            place,
            &format!("has the user `{username}` but no password, so it is no login and not used{why}"),
        );
    }

    /// Warns of a YAML tag: `!abc def` is the text `def` with a tag.
    fn warn_of_tag(&mut self, node: &Node) {
        if matches!(&node.value, Value::Scalar(Scalar { is_tagged: true, text, .. }) if !text.is_empty()) {
            let problem = "has a password that begins with `!`, which begins a tag in YAML: only what stands behind the tag is taken. Put the password in quotes";
            self.warn(Some(("password", node)), problem);
        }
    }

    /// Warns of a text like `${NAME}` that will not be replaced.
    fn warn_of_literal(&mut self, key: &str, node: &Node) -> Result<(), ConfigError> {
        if self.expansion != Expansion::Literal || self.is_literal_wanted {
            return Ok(());
        }
        let text = self.written(key, node)?;
        let Some(name) = whole_variable(&text) else { return Ok(()) };
        let problem = format!(
            "has the {key} `{text}` as it stands, because variables are not replaced in logins of a --config file: write \"{key}Env\": \"{name}\" to take it from the environment, or \"disableExpandEnv\": true if it is meant so"
        );
        self.warn(Some(("", node)), &problem);
        Ok(())
    }

    /// Warns of a `$` that starts no variable, and of variables that are not set.
    pub(super) fn warn_of_undefined(&mut self, field: &str, node: &Node, text: &str, names: &[String]) {
        // The names may be parts of a password that contains `$`: they are shown only if the whole text is one variable.
        let is_secret = field != "username" && whole_variable(text).is_none();
        let variables = if is_secret {
            "an environment variable that is not set (its name is not shown: it may be a part of a password)"
                .to_owned()
        } else {
            let names = names.iter().map(|name| format!("${name}")).collect::<Vec<_>>().join(", ");
            format!("{names} in the environment, which is not set")
        };
        let problem = format!(
            "has a {field} that refers to {variables}, so nothing is put in its place: if the $ is part of the {field}, write \"disableExpandEnv\": true in this entry"
        );
        self.warn(Some(("", node)), &problem);
    }

    fn warn(&mut self, written: Option<(&'static str, &Node)>, problem: &str) {
        let line = written.map(|(_, node)| format!("{}:", node.line)).unwrap_or_default();
        self.warnings.push(format!("{}:{line} the auth entry `{}` {problem}", shown(self.file), self.key));
    }
}

/// The name, if the text is one variable and nothing else. A name without braces must be in capitals, which passwords hardly are.
fn whole_variable(text: &str) -> Option<&str> {
    let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let name = braced.or_else(|| {
        text.strip_prefix('$').filter(|name| !name.bytes().any(|byte| byte.is_ascii_lowercase()))
    })?;
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::auth::{Auth, read};
    use crate::config::{json, yaml};

    fn lookup(name: &str) -> Option<String> {
        match name {
            "HARBOR_USER" => Some("robot$a".to_owned()),
            "HARBOR_PASSWORD" => Some("s3cret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn auth(file: &Path, entry: &str, expansion: Expansion) -> Result<Auth, String> {
        let (format, root) = if entry.starts_with('{') {
            (Format::Json, json::read(&format!("{{\"r.io\": {entry}}}")).unwrap().root)
        } else {
            (Format::Yaml, yaml::read(&format!("r.io:\n{entry}")).unwrap().root)
        };
        read(file, format, &root, expansion, Absent::IsError, &lookup).map_err(|error| error.to_string())
    }

    fn warnings(entry: &str, expansion: Expansion) -> Vec<String> {
        auth(Path::new("c.yaml"), entry, expansion).unwrap().warnings
    }

    fn user(auth: &Auth) -> Option<&str> {
        auth.entries[0].credentials.as_ref().map(Credentials::user)
    }

    #[test]
    fn c22_a_user_without_a_password_is_told() {
        for (entry, why) in [
            ("  username: u\n", ""),
            ("  username: u\n  password: #abc\n", "`#` begins a comment"),
            ("  username: u\n  password: !abc\n", "`!` a tag"),
            ("  username: u\n  password: ~\n", "`~` is nothing"),
            ("  username: u\n  password: ''\n", ""),
            ("{\"username\": \"u\", \"password\": \"\"}", ""),
        ] {
            let told = warnings(entry, Expansion::Literal);
            let says = "the auth entry `r.io` has the user `u` but no password, so it is no login";
            assert!(told.len() == 1 && told[0].contains(says) && told[0].contains(why), "{entry}: {told:?}");
            assert!(told[0].starts_with("c.yaml:") && !told[0].contains("abc"), "{told:?}");
        }
        let told = warnings("  username: u\n  password: !abc def\n", Expansion::Literal);
        assert!(told.len() == 1 && told[0].contains("begins a tag") && !told[0].contains("def"), "{told:?}");
        assert!(warnings("  password: p\n", Expansion::Literal)[0].contains("no username"));
        assert!(warnings("  insecure: true\n", Expansion::Literal).is_empty());
    }

    #[test]
    fn c15_a_dollar_in_a_login_is_told_with_what_to_write() {
        let told = warnings("  username: robot$library+mirror\n  password: p\n", Expansion::Expanded);
        assert!(told.len() == 1 && told[0].contains("c.yaml:2:") && told[0].contains("$library"), "{told:?}");
        assert!(told[0].contains("\"disableExpandEnv\": true"), "{told:?}");
        let told = warnings("  username: u\n  password: a$secret\n", Expansion::Expanded);
        assert!(told[0].contains("c.yaml:3:") && !told[0].contains("secret"), "{told:?}");
        let told = warnings("  username: u\n  password: ${MISSING}\n", Expansion::Expanded);
        assert!(told[0].contains("$MISSING"), "{told:?}");
        let told = warnings("  username: u\n  password: ${HARBOR_PASSWORD}\n", Expansion::Literal);
        assert!(told.len() == 1 && told[0].contains("\"passwordEnv\": \"HARBOR_PASSWORD\""), "{told:?}");
        let quiet = "  username: robot$a\n  password: ${HARBOR_PASSWORD}\n  disableExpandEnv: true\n";
        for expansion in [Expansion::Literal, Expansion::Expanded] {
            assert!(warnings(quiet, expansion).is_empty());
        }
        assert!(warnings("  username: robot$a\n  password: pa$$word\n", Expansion::Literal).is_empty());
    }

    #[test]
    fn c15_logins_may_come_from_the_environment_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        std::fs::write(folder.path().join("harbor"), "s3cret\r\n").unwrap();
        let entry = "  usernameEnv: HARBOR_USER\n  passwordEnv: HARBOR_PASSWORD\n";
        let read = auth(&file, entry, Expansion::Literal).unwrap();
        assert!(user(&read) == Some("robot$a") && read.warnings.is_empty(), "{:?}", read.warnings);
        let read = auth(&file, "  username: u\n  passwordFile: harbor\n", Expansion::Expanded).unwrap();
        assert_eq!(user(&read), Some("u"));
        let expected = Credentials::new("u", SecretString::from("s3cret"));
        assert!(read.entries[0].credentials.as_ref().unwrap().is_same(&expected));
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        for (entry, problem) in [
            (
                "  username: u\n  passwordEnv: MISSING\n",
                "c.yaml:3: the auth entry `r.io` has the passwordEnv `MISSING`",
            ),
            ("  username: u\n  passwordEnv: EMPTY\n", "not set or empty"),
            ("  username: u\n  passwordFile: missing\n", "cannot be read"),
            ("  username: u\n  passwordFile: empty\n", "which is empty"),
            (
                "  username: u\n  password: p\n  passwordEnv: HARBOR_PASSWORD\n",
                "both password and passwordEnv",
            ),
            ("  username: u\n  usernameEnv: HARBOR_USER\n", "both username and usernameEnv"),
        ] {
            let error = auth(&file, entry, Expansion::Literal).unwrap_err();
            assert!(error.contains(problem), "{entry}: {error}");
        }
    }
}
