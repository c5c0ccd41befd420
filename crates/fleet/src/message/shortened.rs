//! Shortens messages that may be too large for a server: the texts of errors are cut, and say how long they were. Anything else that is
//! left out is counted.

use bytes::Bytes;
use serde::Serialize;

use super::write;

/// The most bytes of one text of an error, in any message.
pub(super) const LONGEST: usize = 480;

/// The most bytes of a text, for one try after the other. A shorter text would tell nothing.
const LENGTHS: [usize; 4] = [LONGEST, 240, 120, 64];

/// A message that has texts which may be cut.
pub(crate) trait Shorten {
    /// Cuts each text to `longest` bytes.
    fn shorten(&mut self, longest: usize);
}

/// Writes the message, in `most` bytes if possible. Each text is cut only once.
pub(crate) fn write_within(message: &(impl Serialize + Shorten + Clone), most: usize) -> Bytes {
    let mut text = Bytes::new();
    for longest in LENGTHS {
        let mut message = message.clone();
        message.shorten(longest);
        text = write(&message);
        if text.len() <= most {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ended::{Ended, JobResult};
    use crate::message::{LARGEST, MOST_IMAGES, images_in, read};

    fn result(images: usize, text: &str) -> JobResult {
        let ended = (0..).map(|image| Ended::failed(image, text, text, text)).take(images).collect();
        JobResult { worker: "w1".to_owned(), born: 1, ended, spent: Vec::new() }
    }

    #[test]
    fn the_most_images_with_the_longest_texts_fit_and_none_is_left_out() {
        // In JSON each quote takes two bytes.
        let long = "\"no\" ".repeat(200);
        for most in [LARGEST, 300 << 10] {
            let result = result(MOST_IMAGES, &long);
            assert!(write(&result).len() > most);
            let text = write_within(&result, most);
            assert!(text.len() <= most, "{} bytes", text.len());
            let JobResult { ended, .. } = read(&text).unwrap();
            assert!(ended.iter().map(|ended| ended.image).eq(0..500), "all are there");
            assert!(String::from_utf8_lossy(&text).contains(" (1000 bytes)"), "as long as it was at first");
        }
    }

    #[test]
    fn as_many_images_as_a_job_may_have_fit_into_a_message_of_any_server() {
        for most in [1 << 10, 3 << 10, 63 << 10] {
            let text = write_within(&result(images_in(most), &"\"".repeat(9000)), most);
            assert!(text.len() <= most, "{} bytes of {most}", text.len());
        }
        assert_eq!((images_in(0), images_in(63 << 10), images_in(LARGEST)), (1, 63, MOST_IMAGES));
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = write(&result(MOST_IMAGES, "no"));
        assert_eq!(write_within(&result(MOST_IMAGES, "no"), LARGEST), text);
    }
}
