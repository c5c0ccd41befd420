//! Finds the end of a body. Spec: RFC 9112, section 6.

/// How the rest of a body is delimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes are left.
    Length(u64),
    /// In chunks.
    Chunked(Chunk),
    /// The body ends with the connection.
    UntilClose,
}

/// The position in a chunked body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the line with the size; the size so far. Digits after `;` do not count.
    Size { size: u64, past_digits: bool },
    /// In the data and the line end after it: this many bytes are left.
    Data(u64),
    /// In the trailer: whether the current line is empty so far.
    Trailer { is_empty: bool },
    /// After the last byte.
    End,
}

impl Framing {
    pub(super) const NONE: Self = Self::Length(0);

    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunk::Size { size: 0, past_digits: false })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::End))
    }

    /// The body's length on the wire, if it is known before.
    pub(super) fn length(&self) -> Option<u64> {
        if let Self::Length(length) = self { Some(*length) } else { None }
    }

    /// How many of these bytes belong to the body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::UntilClose => bytes.len(),
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                taken
            }
            Self::Chunked(chunk) => {
                let mut taken = 0;
                while taken < bytes.len() && *chunk != Chunk::End {
                    taken += chunk.take(&bytes[taken..]);
                }
                taken
            }
        }
    }
}

impl Chunk {
    /// Takes at least one byte.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let byte = bytes[0];
        match self {
            Self::Size { size, past_digits } => {
                match (byte, char::from(byte).to_digit(16)) {
                    (b'\n', _) if *size == 0 => *self = Self::Trailer { is_empty: true },
                    // Includes the line end after the data.
                    (b'\n', _) => *self = Self::Data(*size + 2),
                    (_, Some(digit)) if !*past_digits => {
                        *size = size.saturating_mul(16).saturating_add(digit.into());
                    }
                    _ => *past_digits = true,
                }
                1
            }
            Self::Data(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Size { size: 0, past_digits: false };
                }
                taken
            }
            Self::Trailer { is_empty } => {
                match byte {
                    b'\n' if *is_empty => *self = Self::End,
                    b'\n' => *is_empty = true,
                    b'\r' => {}
                    _ => *is_empty = false,
                }
                1
            }
            Self::End => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_where_they_end_however_they_are_cut() {
        let body = b"5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\nTrailer: 0\r\n\r\nHTTP/1.1";
        for piece in 1..body.len() {
            let mut framing = Framing::chunked();
            let mut taken = 0;
            for bytes in body.chunks(piece) {
                taken += framing.take(bytes);
            }
            assert_eq!(&body[taken..], b"HTTP/1.1", "in pieces of {piece}");
            assert!(framing.is_over());
        }
    }

    #[test]
    fn a_length_is_a_length() {
        let mut framing = Framing::Length(5);
        assert_eq!((framing.take(b"abc"), framing.take(b"defg")), (3, 2));
        assert!(framing.is_over() && Framing::NONE.is_over() && !Framing::UntilClose.is_over());
    }
}
