//! Layers: a tar archive of one file with incompressible bytes, in a valid gzip file.

use crate::seed;

/// What tar adds to the file: its header and the two empty blocks at the end.
const TAR_OVERHEAD: usize = 3 * 512;

/// A layer before and after compression.
pub(super) struct Layer {
    pub(super) tar: Vec<u8>,
    pub(super) gzip: Vec<u8>,
}

/// The layer with this name, of about `size` bytes.
pub(super) fn layer(name: &str, size: usize) -> Layer {
    let number = super::coin::number(name);
    let content = seed::layer(number, size.saturating_sub(TAR_OVERHEAD).max(16));
    let tar = tar(&format!("data/{number:016x}"), &content);
    let gzip = gzip(&tar);
    Layer { tar, gzip }
}

/// A tar archive (ustar) of one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", content.len()));
    field(136, "00000000000\0");
    // For the checksum, its own field counts as blanks.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = Vec::with_capacity(content.len() + 4 * 512);
    tar.extend_from_slice(&header);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

/// A gzip file with stored blocks (RFC 1951, section 3.2.4; RFC 1952).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    const LARGEST: usize = 0xffff;
    let mut gzip = Vec::with_capacity(bytes.len() + bytes.len() / 10_000 + 64);
    gzip.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    let mut blocks = bytes.chunks(LARGEST).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        gzip.push(u8::from(blocks.peek().is_none()));
        gzip.extend_from_slice(&length.to_le_bytes());
        gzip.extend_from_slice(&(!length).to_le_bytes());
        gzip.extend_from_slice(block);
    }
    gzip.extend_from_slice(&crc32(bytes).to_le_bytes());
    let size = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or_default();
    gzip.extend_from_slice(&size.to_le_bytes());
    gzip
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        CRC_TABLE[usize::from(low ^ byte)] ^ (sum >> 8)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn tar_and_gzip_read_what_is_made() {
        let layer = layer("one", 200_000);
        let folder = tempfile::tempdir().unwrap();
        let mut tar = Command::new("tar")
            .args(["-xzvf", "-"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&layer.gzip).unwrap();
        assert!(tar.wait().unwrap().success());
        let file = std::fs::read_dir(folder.path().join("data")).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().len(), 200_000 - 1536);
    }
}
