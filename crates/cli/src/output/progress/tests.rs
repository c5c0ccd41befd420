use sync::{Amounts, ImageReport, Outcome};

use super::*;

const MIB: u64 = 1 << 20;

fn image(name: &str) -> Arc<Image> {
    let tag = oci::TagOrDigest::Tag(name.parse().unwrap());
    let (source, target) = ("q.io/a".into(), "r.io/b".into());
    Arc::new(Image { source, source_reference: tag.clone(), target, target_reference: tag })
}

fn digest(of: u64) -> Digest {
    Digest::sha256(&of.to_be_bytes())
}

/// A run that is told of, and looked at once a second.
struct Told {
    progress: Progress,
    now: Instant,
}

impl Told {
    /// `images` are planned and in work.
    fn with(images: &[&Arc<Image>]) -> Self {
        let mut told = Self { progress: Progress::default(), now: Instant::now() };
        for image in images {
            told.progress.event(&Event::ImagePlanned((*image).clone()));
            told.progress.event(&Event::ImageStarted((*image).clone()));
        }
        told.view();
        told
    }

    fn view(&mut self) -> View {
        self.now += Duration::from_secs(1);
        self.progress.view(self.now)
    }

    fn all_planned(&mut self) {
        self.progress.event(&Event::AllPlanned);
    }

    /// Blobs are numbered by their sizes.
    fn planned(&mut self, image: &Arc<Image>, size: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.progress.event(&Event::BlobPlanned { image, digest, size: Some(size) });
    }

    fn started(&mut self, image: &Arc<Image>, size: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.progress.event(&Event::BlobStarted { image, digest, size: Some(size) });
    }

    fn moved(&mut self, image: &Arc<Image>, size: u64, bytes: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.progress.event(&Event::BytesMoved { image, digest, bytes });
    }

    fn blob_finished(&mut self, image: &Arc<Image>, size: u64, outcome: BlobOutcome) {
        let (image, digest) = (image.clone(), digest(size));
        self.progress.event(&Event::BlobFinished { image, digest, size: Some(size), outcome });
    }

    fn image_finished(&mut self, image: &Arc<Image>) {
        let (outcome, amounts, took) = (Outcome::NotDone, Amounts::default(), Duration::ZERO);
        let ended = ImageReport { image: image.clone(), rule: 0, outcome, amounts, took };
        self.progress.event(&Event::ImageFinished(Arc::new(ended)));
    }
}

#[test]
fn c2_the_time_left_is_that_of_the_bytes_that_are_known() {
    for (bytes, per_second, seconds) in [
        (180 * MIB, Some(3 * MIB), Some(60)),
        (1, Some(1000 * MIB), Some(1)),
        (0, Some(MIB), None),
        (MIB, Some(0), None),
        (MIB, None, None),
    ] {
        assert_eq!(left(bytes, per_second), seconds.map(Duration::from_secs), "{bytes} at {per_second:?}");
    }
}

#[test]
fn c2_large_layers_at_the_end_are_most_of_the_run() {
    let images: Vec<_> = (0..98).map(|number| image(&format!("v{number}"))).collect();
    let mut told = Told::with(&images.iter().collect::<Vec<_>>());
    told.all_planned();
    let (last, others) = images.split_last().unwrap();
    for size in [100, 200, 300] {
        told.planned(last, size * MIB);
    }
    for image in others {
        told.planned(image, MIB);
        told.started(image, MIB);
        told.moved(image, MIB, MIB);
        told.blob_finished(image, MIB, BlobOutcome::Copied);
        told.image_finished(image);
    }
    told.started(last, 200 * MIB);
    told.moved(last, 200 * MIB, 3 * MIB);
    let view = told.view();
    assert_eq!((view.ended, view.planned, view.is_partial), (97, 98, false));
    assert_eq!((view.sent, view.total), (100 * MIB, 697 * MIB));
    assert_eq!(view.left, Some(Duration::from_secs(6)), "597 MiB at 100 MiB/s");
    assert!(view.fraction < 0.15, "{}", view.fraction);
}

#[test]
fn c2_the_bar_of_a_single_image_fills_with_its_bytes() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.planned(&image, 10 * MIB);
    told.started(&image, 10 * MIB);
    told.moved(&image, 10 * MIB, 5 * MIB);
    let view = told.view();
    assert!((view.fraction - 0.5).abs() < 1e-9 && view.ended == 0, "{view:?}");
}

#[test]
fn c2_as_long_as_more_may_come_to_be_known_the_picture_is_partial() {
    let [one, two] = ["v1", "v2"].map(image);
    let mut told = Told::with(&[&one]);
    told.planned(&one, MIB);
    assert!(told.view().is_partial, "lists are still read");
    told.progress.event(&Event::ImagePlanned(two.clone()));
    told.all_planned();
    assert!(told.view().is_partial, "the second waits for its turn");
    told.progress.event(&Event::ImageStarted(two.clone()));
    assert!(told.view().is_partial, "its manifest is not read");
    let unknown = Event::BlobPlanned { image: two.clone(), digest: digest(7), size: None };
    told.progress.event(&unknown);
    assert!(told.view().is_partial, "how large its blob is, nobody says");
    told.blob_finished(&two, 7, BlobOutcome::Present);
    assert!(!told.view().is_partial);
}

#[test]
fn c2_bytes_that_are_sent_again_never_exceed_the_total() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.planned(&image, 2 * MIB);
    told.started(&image, 2 * MIB);
    for _ in 0..5 {
        told.moved(&image, 2 * MIB, MIB);
        let view = told.view();
        assert!(view.sent <= view.total && view.total == 2 * MIB, "{view:?}");
        assert!(view.rows.iter().all(|row| row.sent <= 2 * MIB), "{view:?}");
    }
    told.started(&image, 2 * MIB);
    let view = told.view();
    assert_eq!((view.sent, view.total), (0, 2 * MIB), "a further try begins anew");
    told.moved(&image, 2 * MIB, MIB);
    told.image_finished(&image);
    let view = told.view();
    assert_eq!((view.sent, view.total, view.rows.len()), (MIB, MIB, 0), "an image that failed");
}

#[test]
fn c2_what_targets_have_or_mount_is_not_to_be_sent() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    for (size, outcome) in [(3, BlobOutcome::Present), (4, BlobOutcome::Mounted), (5, BlobOutcome::LeftOut)] {
        told.planned(&image, size * MIB);
        told.blob_finished(&image, size * MIB, outcome);
    }
    let view = told.view();
    assert_eq!((view.sent, view.total), (0, 0));
}

#[test]
fn c2_the_largest_blobs_always_have_a_row() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    for size in 1..=40 {
        told.started(&image, size * MIB);
    }
    told.started(&image, 100);
    told.started(&image, 4000 * MIB);
    told.planned(&image, 5000 * MIB);
    let sizes: Vec<_> = told.view().rows.iter().map(|row| row.size.unwrap() / MIB).collect();
    assert_eq!(sizes, (30..=40).chain([4000]).collect::<Vec<_>>(), "in the order in which they began");
}
