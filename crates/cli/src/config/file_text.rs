//! The text of a config file: from a file or standard input, in UTF-8 or, from Windows, in UTF-16.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::error::ConfigError;
use super::file_name::is_standard_input;
use super::missing_file;

/// Larger than any config; a device may have no end.
const MOST_BYTES: u64 = 256 << 20;

/// A text, and the warning about it.
pub(crate) struct FileText {
    pub(crate) text: String,
    pub(crate) warning: Option<String>,
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<FileText, ConfigError> {
    let bytes = bytes(path).map_err(|error| {
        let problem = match error.kind() {
            ErrorKind::NotFound => "the file does not exist".to_owned(),
            ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        let told = ConfigError::new(problem).file(path);
        match error.kind() {
            ErrorKind::NotFound => told.help(missing_file::help(path)),
            ErrorKind::IsADirectory => told.help("name the file in it"),
            _ => told,
        }
    })?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ConfigError::new(format!("the file has more than {} MiB", MOST_BYTES >> 20)).file(path));
    }
    decode(bytes).map_err(|error| error.file(path))
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if !is_standard_input(path) {
        return read_at_most(path, MOST_BYTES);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file, up to `most` + 1, so that the caller sees that the file is larger.
pub(crate) fn read_at_most(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decodes by the byte order mark; without one as UTF-8.
fn decode(bytes: Vec<u8>) -> Result<FileText, ConfigError> {
    let wide = |units: &mut dyn Iterator<Item = u16>| {
        let text: Result<String, _> = char::decode_utf16(units).collect();
        let text = text.map_err(|_| ConfigError::new("the file is not valid UTF-16").help(SAVE))?;
        Ok(FileText { text, warning: None })
    };
    let pairs =
        |bytes: &[u8]| bytes.chunks(2).map(|pair| [pair[0], *pair.get(1).unwrap_or(&0)]).collect::<Vec<_>>();
    match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => wide(&mut pairs(rest).into_iter().map(u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => wide(&mut pairs(rest).into_iter().map(u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            let warning = "the file begins with a byte order mark (U+FEFF), which other programs may refuse in JSON: save it as UTF-8 without one";
            Ok(FileText { text: utf8(rest.to_vec())?, warning: Some(warning.to_owned()) })
        }
        _ => Ok(FileText { text: utf8(bytes)?, warning: None }),
    }
}

const SAVE: &str = "save the file as UTF-8";

fn utf8(bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        ConfigError::new("this line has bytes that are no UTF-8").line(line).help(SAVE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, String> {
        decode(bytes.to_vec()).map(|read| read.text).map_err(|error| error.to_string())
    }

    #[test]
    fn c21_c14_files_from_windows_are_read() {
        let wide = |convert: fn(u16) -> [u8; 2]| {
            "\u{feff}a: 镜\n".encode_utf16().flat_map(convert).collect::<Vec<_>>()
        };
        for bytes in
            [wide(u16::to_le_bytes), wide(u16::to_be_bytes), "\u{feff}a: 镜\n".into(), "a: 镜\n".into()]
        {
            assert_eq!(text(&bytes).as_deref(), Ok("a: 镜\n"));
        }
        assert!(text(b"\xff\xfea").is_ok_and(|text| text == "a"));
        assert!(text(b"\xff\xfe\x00\xd8").is_err_and(|error| error.contains("UTF-16")));
        assert!(text(b"a: b\nc: \xbe\xb5\n").is_err_and(|error| error.contains("no UTF-8")));
        assert!(decode(b"\xef\xbb\xbf{}".to_vec()).is_ok_and(|read| read.warning.is_some()));
    }
}
