//! Extracts the elements of one list from a JSON document that comes in pieces: a page may have
//! millions of elements, and an odd one must not prevent reading the others.

use std::borrow::Cow;

/// The longest element that is kept: no valid element is longer.
const LARGEST_ELEMENT: usize = 1 << 20;
/// The most bytes of a document beside its list.
const LARGEST_REST: usize = 1 << 20;

/// Why a document cannot be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the list is not JSON")]
    Syntax,
    #[error("there is too much beside the list")]
    TooMuch,
}

/// Finds the list under a key of the outermost object. Nesting costs neither stack nor memory.
pub(crate) struct ListScanner {
    key: &'static str,
    /// The document without the elements: its reader decides whether it is JSON.
    rest: Vec<u8>,
    element: Vec<u8>,
    place: Place,
    text: Text,
    /// Open brackets: outside the list, or inside an element.
    depth: usize,
    /// Where the last string of the outermost object begins in the rest.
    text_at: usize,
    member: Member,
}

/// The scanner's position in the outermost object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Key,
    /// After the list's key.
    WantedKey,
    Value,
    WantedValue,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    List,
    /// In the list, after a comma: one more element must follow.
    ListAfterComma,
}

/// Whether a string is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Closed,
    Open,
    /// Open, after a backslash.
    Escaped,
}

impl ListScanner {
    pub(crate) fn new(key: &'static str) -> Self {
        let (rest, element) = Default::default();
        Self {
            key,
            rest,
            element,
            place: Place::Outside,
            text: Text::Closed,
            depth: 0,
            text_at: 0,
            member: Member::Key,
        }
    }

    /// Takes the next piece of the document; passes on each element that ends in it, as text.
    pub(crate) fn push<E: From<Broken>>(
        &mut self,
        piece: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for byte in piece {
            if self.place == Place::Outside {
                self.take_outside(*byte)?;
            } else {
                self.take_inside(*byte, each)?;
            }
        }
        Ok(())
    }

    /// The document with an empty list in place of the scanned one.
    pub(crate) fn rest(self) -> Vec<u8> {
        self.rest
    }

    fn take_outside(&mut self, byte: u8) -> Result<(), Broken> {
        if self.rest.len() >= LARGEST_REST {
            return Err(Broken::TooMuch);
        }
        self.rest.push(byte);
        if self.text != Text::Closed {
            self.take_in_text(byte);
            let is_key = matches!(self.member, Member::Key | Member::WantedKey);
            if self.text == Text::Closed && self.depth == 1 && is_key {
                // A key may contain escapes.
                let text = serde_json::from_slice::<Cow<'_, str>>(&self.rest[self.text_at..]);
                let is_wanted = text.is_ok_and(|text| text == self.key);
                self.member = if is_wanted { Member::WantedKey } else { Member::Key };
            }
            return Ok(());
        }
        match byte {
            b'"' => {
                self.text = Text::Open;
                self.text_at = self.rest.len() - 1;
            }
            b':' if self.depth == 1 => {
                self.member = match self.member {
                    Member::Key | Member::Value => Member::Value,
                    Member::WantedKey | Member::WantedValue => Member::WantedValue,
                }
            }
            b',' if self.depth == 1 => self.member = Member::Key,
            b'[' if self.depth == 1 && self.member == Member::WantedValue => {
                (self.place, self.depth) = (Place::List, 0);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    fn take_inside<E: From<Broken>>(
        &mut self,
        byte: u8,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match byte {
            _ if self.text != Text::Closed => self.take_in_text(byte),
            b'"' => self.text = Text::Open,
            b'{' | b'[' => self.depth += 1,
            b']' if self.depth == 0 => {
                if !self.element.is_empty() || self.place == Place::ListAfterComma {
                    self.end_element(each)?;
                }
                (self.place, self.depth) = (Place::Outside, 1);
                self.rest.push(byte);
                return Ok(());
            }
            b'}' if self.depth == 0 => return Err(Broken::Syntax.into()),
            b'}' | b']' => self.depth -= 1,
            b',' if self.depth == 0 => {
                self.place = Place::ListAfterComma;
                return self.end_element(each);
            }
            b' ' | b'\t' | b'\n' | b'\r' if self.element.is_empty() => return Ok(()),
            _ => {}
        }
        if self.element.len() < LARGEST_ELEMENT {
            self.element.push(byte);
        }
        Ok(())
    }

    fn take_in_text(&mut self, byte: u8) {
        self.text = match byte {
            _ if self.text == Text::Escaped => Text::Open,
            b'\\' => Text::Escaped,
            b'"' => Text::Closed,
            _ => Text::Open,
        };
    }

    fn end_element<E: From<Broken>>(
        &mut self,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.element.is_empty() {
            return Err(Broken::Syntax.into());
        }
        each(&self.element)?;
        self.element.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(document: &str, piece: usize) -> Result<(Vec<String>, String), Broken> {
        let (mut scanner, mut found) = (ListScanner::new("tags"), Vec::new());
        for piece in document.as_bytes().chunks(piece) {
            scanner.push(piece, &mut |element| {
                found.push(String::from_utf8_lossy(element).into_owned());
                Ok::<_, Broken>(())
            })?;
        }
        Ok((found, String::from_utf8_lossy(&scanner.rest()).into_owned()))
    }

    #[test]
    fn p15_elements_come_one_by_one_whatever_the_pieces() {
        let document =
            r#"{"a":{"tags":["no"]}, "b":"tags", "tags" : [ "v1" , null,{"x":[1,"]"]}, "a\",\\" ] ,"z":[1]}"#;
        for piece in 1..document.len() {
            let (found, rest) = scan(document, piece).unwrap();
            assert_eq!(found, [r#""v1" "#, "null", r#"{"x":[1,"]"]}"#, r#""a\",\\" "#]);
            assert_eq!(rest, r#"{"a":{"tags":["no"]}, "b":"tags", "tags" : [] ,"z":[1]}"#);
        }
        assert_eq!(scan(r#"{"tags":[]}"#, 1).unwrap(), (vec![], r#"{"tags":[]}"#.to_owned()));
        let escaped = r#"{"\u0074ags":["v1"]}"#;
        assert_eq!(scan(escaped, 1).unwrap(), (vec![r#""v1""#.to_owned()], r#"{"\u0074ags":[]}"#.to_owned()));
        for broken in [r#"{"tags":["a",]}"#, r#"{"tags":[,"a"]}"#, r#"{"tags":["a"}"#] {
            assert!(scan(broken, 3).is_err(), "{broken}");
        }
    }

    #[test]
    fn p15_millions_of_elements_are_never_held_at_once() {
        let (mut scanner, mut count) = (ListScanner::new("tags"), 0);
        let mut each = |element: &[u8]| {
            count += usize::from(element == b"\"\"");
            Ok::<_, Broken>(())
        };
        scanner.push(b"{\"tags\":[\"\"", &mut each).unwrap();
        let piece = b",\"\"".repeat(10_000);
        for _ in 0..200 {
            scanner.push(&piece, &mut each).unwrap();
        }
        // An element that never ends is not kept, either.
        scanner.push(b",\"", &mut each).unwrap();
        for _ in 0..200 {
            scanner.push(&b"x".repeat(30_000), &mut each).unwrap();
        }
        let held = scanner.rest.capacity() + scanner.element.capacity();
        assert!(held < 4 << 20, "{held}");
        assert_eq!(count, 2_000_001);
    }

    #[test]
    fn s6_deep_nests_cost_neither_stack_nor_others() {
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let (found, _) = scan(&format!(r#"{{"tags":[{deep},"v1"]}}"#), 1000).unwrap();
        assert_eq!((found.len(), found[1].as_str()), (2, r#""v1""#));
    }

    proptest! {
        #[test]
        fn what_is_no_json_is_no_panic(text in r#"[\[\]{}",:\\ tags]{0,60}"#, piece in 1usize..9) {
            let _ = scan(&text, piece);
        }
    }
}
