//! The references of one Rust file to other files: its modules, imports and paths, outside tests.
//!
//! The file is read as tokens. The arguments of macros are read as well (`format!("{}", crate::a::B)`).

use std::collections::HashSet;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A name that a `use` imports into a module, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub name: String,
    pub path: Vec<String>,
    pub line: usize,
    /// Whether it is re-exported by `pub use`, `pub(crate) use` and the like.
    pub reexport: bool,
}

/// A path of at least two names in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub path: Vec<String>,
    pub line: usize,
}

/// The references of a file.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Its `mod name;`.
    pub modules: Vec<String>,
    pub imports: Vec<Import>,
    pub paths: Vec<NamedPath>,
    /// All names in its code outside `use`.
    pub names: HashSet<String>,
}

impl Source {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let tokens: TokenStream = text.parse().map_err(|error| anyhow!("is no Rust: {error}"))?;
        let mut source = Self::default();
        source.walk(tokens);
        Ok(source)
    }

    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.step(&tokens, at);
        }
    }

    /// Reads the item or token at `at`; returns where the next one begins.
    fn step(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let Some((attribute, end)) = attribute(tokens, at) {
            if is_for_tests(&attribute) {
                return item_end(tokens, end);
            }
            self.walk(attribute.stream());
            return end;
        }
        match &tokens[at] {
            TokenTree::Group(group) if at > 0 && is_word(&tokens[at - 1], "pub") => {
                // `pub(in crate::a)` is no need.
                if group.delimiter() != Delimiter::Parenthesis {
                    self.walk(group.stream());
                }
                at + 1
            }
            TokenTree::Group(group) => {
                self.walk(group.stream());
                at + 1
            }
            TokenTree::Ident(word) if word == "mod" && is_mark(tokens.get(at + 2), ';') => {
                self.modules.push(tokens[at + 1].to_string());
                at + 3
            }
            // `impl Trait + use<'a>` is no import.
            TokenTree::Ident(word) if word == "use" && !is_mark(tokens.get(at + 1), '<') => {
                let end = (at..tokens.len()).find(|at| is_mark(tokens.get(*at), ';')).unwrap_or(tokens.len());
                self.import(&tokens[at + 1..end], &[], is_reexport(tokens, at));
                end
            }
            TokenTree::Ident(_) => self.path(tokens, at),
            _ => at + 1,
        }
    }

    fn path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let line = tokens[at].span().start().line;
        let (path, end) = words(tokens, at);
        // A field or a method; the rest of `<T as X>::Y`; the name of another crate after `::`.
        let continues = at > 0
            && (is_mark(tokens.get(at - 1), '.') || is_mark(tokens.get(at - 1), ':'))
            && (at < 2 || !is_mark(tokens.get(at - 1), ':') || is_mark(tokens.get(at - 2), ':'));
        if continues {
            return end;
        }
        self.names.insert(path[0].clone());
        if path.len() > 1 {
            self.paths.push(NamedPath { path, line });
        }
        end
    }

    /// Reads a tree of imports, `a::{b, c::d as e}`, below `prefix`.
    fn import(&mut self, tokens: &[TokenTree], prefix: &[String], reexport: bool) {
        for tree in tokens.split(|token| is_mark(Some(token), ',')).filter(|tree| !tree.is_empty()) {
            let line = tree[0].span().start().line;
            let (more, end) = words(tree, 0);
            let path = [prefix, &more].concat();
            match tree.get(end..).unwrap_or_default().iter().rfind(|token| !is_mark(Some(token), ':')) {
                Some(TokenTree::Group(group)) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.import(&inner, &path, reexport);
                }
                Some(TokenTree::Punct(_)) => {
                    self.imports.push(Import { name: "*".to_owned(), path, line, reexport });
                }
                Some(renamed) => {
                    self.imports.push(Import { name: renamed.to_string(), path, line, reexport });
                }
                None => self.plain_import(path, line, reexport),
            }
        }
    }

    fn plain_import(&mut self, mut path: Vec<String>, line: usize, reexport: bool) {
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let Some(name) = path.last().cloned() else { return };
        self.imports.push(Import { name, path, line, reexport });
    }
}

/// The names of a path that begins at `at`, and the position after it.
fn words(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        words.push(word.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        let goes_on = is_mark(tokens.get(at), ':')
            && is_mark(tokens.get(at + 1), ':')
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
        if !goes_on {
            break;
        }
        at += 2;
    }
    (words, at)
}

/// The attribute that begins at `at`, and the position after it.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(Group, usize)> {
    let at = at + 1 + usize::from(is_mark(tokens.get(at + 1), '!'));
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            let begins = is_mark(tokens.get(at - 1), '#') || at > 1 && is_mark(tokens.get(at - 2), '#');
            begins.then(|| (group.clone(), at + 1))
        }
        _ => None,
    }
}

fn is_for_tests(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text == "test"
}

/// The end of the item that begins at `at`: after its `;`, its `,` or its braces.
fn item_end(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_mark(Some(token), ';') || is_mark(Some(token), ','),
    };
    tokens[at..].iter().position(is_end).map_or(tokens.len(), |length| at + length + 1)
}

/// Whether the `use` at `at` follows `pub` or `pub(…)`.
fn is_reexport(tokens: &[TokenTree], at: usize) -> bool {
    let is_pub = |at: Option<usize>| at.is_some_and(|at| is_word(&tokens[at], "pub"));
    is_pub(at.checked_sub(1)) || is_pub(at.checked_sub(2)) && matches!(tokens[at - 1], TokenTree::Group(_))
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    fn import(name: &str, text: &str, line: usize, reexport: bool) -> Import {
        Import { name: name.to_owned(), path: path(text), line, reexport }
    }

    #[test]
    fn imports_are_read_with_their_names_lines_and_visibility() {
        let source =
            Source::parse("use crate::a::{self, B,\n c::D as E};\npub(crate) use f::G;\npub use h::*;")
                .unwrap();
        let expected = [
            import("a", "crate::a", 1, false),
            import("B", "crate::a::B", 1, false),
            import("E", "crate::a::c::D", 2, false),
            import("G", "f::G", 3, true),
            import("*", "h", 4, true),
        ];
        assert_eq!(source.imports, expected);
    }

    #[test]
    fn paths_in_code_in_macros_and_in_attributes_are_read() {
        let source = Source::parse(
            "#[arg(parse = crate::a::parse)] fn f(x: super::b::C<T>) -> impl Z + use<'_> { x.d::<T>(); say!(\"\", e::f()) }",
        )
        .unwrap();
        let paths: Vec<_> = source.paths.into_iter().map(|named| named.path).collect();
        assert_eq!(paths, [path("crate::a::parse"), path("super::b::C"), path("e::f")]);
        assert!(source.imports.is_empty());
    }

    #[test]
    fn tests_and_comments_name_nothing() {
        let source = Source::parse(
            "/// [`crate::a::B`]\n#[cfg(test)]\nuse crate::c::{D, E};\nmod f;\n#[cfg(test)]\nmod g;\n#[cfg(test)]\nmod tests { use super::*; }\n#[test]\nfn t() { crate::h::i() }\nstruct S { #[cfg(test)] x: crate::j::K, y: crate::l::M }",
        )
        .unwrap();
        assert_eq!(source.modules, ["f"]);
        assert!(source.imports.is_empty(), "{:?}", source.imports);
        assert_eq!(
            source.paths.iter().map(|named| named.path.clone()).collect::<Vec<_>>(),
            [path("crate::l::M")]
        );
    }

    #[test]
    fn fields_methods_and_associated_names_are_no_names_of_modules() {
        let source = Source::parse("fn f() { a.b(); <T as X>::c::d(); ::e::f(); g }").unwrap();
        assert!(source.paths.is_empty(), "{:?}", source.paths);
        assert!(source.names.contains("g") && !source.names.contains("b") && !source.names.contains("e"));
    }
}
