//! Messages that may be too large for a server: the texts of their errors are cut, and say how long they were. Nothing else is left out.

use bytes::Bytes;
use serde::Serialize;

use super::write;

/// The most bytes of a text, one try after the other. Nothing shorter tells anything.
const SHORTER: [usize; 3] = [240, 120, 64];

/// What has texts that may be cut.
pub(crate) trait Shorten {
    /// Cuts each text to so many bytes.
    fn shorten(&mut self, longest: usize);
}

/// The message, in `most` bytes if that can be.
pub(crate) fn write_within(mut message: impl Serialize + Shorten, most: usize) -> Bytes {
    let mut text = write(&message);
    for longest in SHORTER {
        if text.len() <= most {
            break;
        }
        message.shorten(longest);
        text = write(&message);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ended::{Ended, JobResult};
    use crate::message::{LARGEST, MOST_IMAGES, read};

    fn result(text: &str) -> JobResult {
        let ended = (0..).map(|image| Ended::failed(image, text, text, text)).take(MOST_IMAGES).collect();
        JobResult { worker: "w1".to_owned(), born: 1, ended, spent: Vec::new() }
    }

    #[test]
    fn the_most_images_with_the_longest_texts_fit_and_none_is_left_out() {
        // Quotes are twice as long in a message.
        let long = "\"no\" ".repeat(200);
        assert!(write(&result(&long)).len() > LARGEST);
        for most in [LARGEST, 300 << 10] {
            let text = write_within(result(&long), most);
            assert!(text.len() <= most, "{} bytes", text.len());
            let JobResult { ended, .. } = read(&text).unwrap();
            assert!(ended.iter().map(|ended| ended.image).eq(0..500), "all are there");
            assert!(String::from_utf8_lossy(&text).contains(" bytes)"), "who reads it knows that it was cut");
        }
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = write(&result("no"));
        assert_eq!(write_within(result("no"), LARGEST), text);
    }
}
