use oci::Digest;
use sync::{Amounts, BlobOutcome, ImageReport, Outcome};

use super::*;
use crate::output::fleet_standing::FleetWorker;

const MIB: u64 = 1 << 20;

fn image(name: &str) -> Arc<Image> {
    let tag = oci::TagOrDigest::Tag(name.parse().unwrap());
    let (source, target) = ("q.io/a".into(), "r.io/b".into());
    Arc::new(Image { source, source_reference: tag.clone(), target, target_reference: tag })
}

fn digest(of: u64) -> Digest {
    Digest::sha256(&of.to_be_bytes())
}

/// A run with simulated events, viewed once a second.
struct Told {
    progress: Progress,
    now: Instant,
}

impl Told {
    /// With `images` planned and in work.
    fn with(images: &[&Arc<Image>]) -> Self {
        let now = Instant::now();
        let mut told = Self { progress: Progress::start(now), now };
        for image in images {
            told.begin(image);
        }
        told.view();
        told
    }

    fn tell(&mut self, event: &Event) {
        self.progress.event(self.now, None, event);
    }

    fn begin(&mut self, image: &Arc<Image>) {
        self.tell(&Event::ImagePlanned(image.clone()));
        self.tell(&Event::ImageStarted(image.clone()));
    }

    fn view(&mut self) -> View {
        self.pass(1.0);
        self.progress.view(self.now, 12)
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    fn all_planned(&mut self) {
        self.tell(&Event::AllPlanned);
    }

    /// The size of a blob determines its digest.
    fn planned(&mut self, image: &Arc<Image>, size: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.tell(&Event::BlobPlanned { image, digest, size: Some(size) });
    }

    fn started(&mut self, image: &Arc<Image>, size: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.tell(&Event::BlobStarted { image, digest, size: Some(size) });
    }

    fn moved(&mut self, image: &Arc<Image>, size: u64, bytes: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.tell(&Event::BytesMoved { image, digest, bytes });
    }

    fn resumed(&mut self, image: &Arc<Image>, size: u64, left: u64) {
        let (image, digest) = (image.clone(), digest(size));
        self.tell(&Event::BlobResumed { image, digest, left: Some(left) });
    }

    fn blob_finished(&mut self, image: &Arc<Image>, size: u64, outcome: BlobOutcome) {
        let (image, digest) = (image.clone(), digest(size));
        self.tell(&Event::BlobFinished { image, digest, size: Some(size), outcome });
    }

    fn image_finished(&mut self, image: &Arc<Image>) {
        let digest = digest(0);
        let (at_source, left_out) = (digest.clone(), sync::LeftOut::default());
        self.ended(image, Outcome::Copied { digest, at_source, replaced: None, left_out });
    }

    fn ended(&mut self, image: &Arc<Image>, outcome: Outcome) {
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        let ended = ImageReport { image: image.clone(), rule: 0, outcome, amounts, took };
        self.tell(&Event::ImageFinished(Arc::new(ended)));
    }
}

fn error(kind: oci::ErrorKind) -> Arc<sync::Error> {
    let cause = sync::endpoint::EndpointError::new(kind, "it broke");
    let (side, operation) = (sync::Side::Target, sync::Operation::Copy);
    Arc::new(sync::Error { side, place: "r.io/b".into(), operation, cause: cause.into() })
}

#[test]
fn what_is_read_to_be_looked_at_counts_as_what_is_sent() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.started(&image, 4 * MIB);
    told.moved(&image, 4 * MIB, MIB);
    assert_eq!((told.view().sent, told.view().total), (MIB, 4 * MIB));
    told.moved(&image, 4 * MIB, 3 * MIB);
    told.blob_finished(&image, 4 * MIB, BlobOutcome::Read);
    let view = told.view();
    assert_eq!((view.sent, view.total), (4 * MIB, 4 * MIB));
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
        told.pass(0.01);
        told.moved(image, MIB, MIB);
        told.blob_finished(image, MIB, BlobOutcome::Copied);
        told.image_finished(image);
    }
    told.started(last, 200 * MIB);
    told.moved(last, 200 * MIB, 3 * MIB);
    let view = told.view();
    assert_eq!((view.images.copied, view.images.planned, view.known), (97, 98, Known::All));
    assert_eq!((view.sent, view.total), (100 * MIB, 697 * MIB));
    let Remaining::About(left) = view.remaining else { panic!("{view:?}") };
    assert!(left > Duration::from_secs(5), "597 MiB at 100 MiB/s at most: {left:?}");
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
    assert!((view.fraction - 0.5).abs() < 1e-9 && view.images.ended() == 0, "{view:?}");
}

#[test]
fn c2_as_long_as_more_may_come_to_be_known_the_picture_is_partial() {
    let [one, two] = ["v1", "v2"].map(image);
    let mut told = Told::with(&[&one]);
    told.planned(&one, MIB);
    assert_eq!(told.view().known, Known::Some, "lists are still read");
    told.tell(&Event::ImagePlanned(two.clone()));
    told.all_planned();
    assert_eq!(told.view().known, Known::Some, "the second waits for its turn");
    told.tell(&Event::ImageStarted(two.clone()));
    assert_eq!(told.view().known, Known::Some, "its manifest is not read");
    let unknown = Event::BlobPlanned { image: two.clone(), digest: digest(7), size: None };
    told.tell(&unknown);
    assert_eq!(told.view().known, Known::Some, "how large its blob is, nobody says");
    told.blob_finished(&two, 7, BlobOutcome::Present);
    assert_eq!(told.view().known, Known::All);
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
        let largest = view.rows[0].largest.as_ref().unwrap();
        assert!(view.rows[0].sent <= 2 * MIB && largest.sent <= 2 * MIB, "{view:?}");
    }
    told.started(&image, 2 * MIB);
    let view = told.view();
    assert_eq!((view.sent, view.total), (0, 2 * MIB), "a further try begins anew");
    told.moved(&image, 2 * MIB, MIB);
    told.image_finished(&image);
    let view = told.view();
    assert_eq!((view.sent, view.total, view.rows.len()), (MIB, MIB, 0), "an image that failed");
}

/// A target that keeps less than it received gets the rest again: the bar goes back, and the remaining time is that of the rest.
#[test]
fn c2_what_a_target_did_not_keep_counts_no_more() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.started(&image, 40 * MIB);
    for second in 1..=6 {
        told.moved(&image, 40 * MIB, 5 * MIB);
        assert_eq!(told.view().sent, second * 5 * MIB);
    }
    told.resumed(&image, 40 * MIB, 40 * MIB);
    for second in 1..=7 {
        told.moved(&image, 40 * MIB, 5 * MIB);
        let view = told.view();
        assert_eq!((view.sent, view.total), (second * 5 * MIB, 40 * MIB));
        let largest = view.rows[0].largest.as_ref().unwrap();
        assert_eq!((view.rows[0].sent, largest.sent), (view.sent, view.sent));
        let Remaining::About(left) = view.remaining else { panic!("{view:?}") };
        let truth = 8.0 - seconds(second);
        assert!((left.as_secs_f64() - truth).abs() <= 1.0, "{left:?} instead of {truth} s");
    }
    told.resumed(&image, 40 * MIB, 10 * MIB);
    assert_eq!(told.view().sent, 30 * MIB, "this one was kept in part");
    told.moved(&image, 40 * MIB, 10 * MIB);
    told.blob_finished(&image, 40 * MIB, BlobOutcome::Copied);
    assert_eq!(told.progress.kept(), 40 * MIB);
}

/// A resumed upload has less to send, unless its target has lost some of it meanwhile.
#[test]
fn c2_an_upload_that_goes_on_may_have_more_to_send_than_was_thought() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.started(&image, 10 * MIB);
    told.moved(&image, 10 * MIB, MIB);
    told.resumed(&image, 10 * MIB, 15 * MIB);
    assert_eq!((told.view().sent, told.view().total), (0, 15 * MIB));
}

#[expect(clippy::cast_precision_loss, reason = "a few seconds")]
fn seconds(number: u64) -> f64 {
    number as f64
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
    assert_eq!((view.rows[0].present, view.rows[0].mounted, view.rows[0].total), (1, 1, Some(0)));
    assert_eq!(told.progress.kept(), 0, "nothing was sent");
}

#[test]
fn c2_images_with_the_most_to_be_sent_always_have_a_row_with_their_largest_blob() {
    let images: Vec<_> = (1..=40).map(|number| image(&format!("v{number}"))).collect();
    let mut told = Told::with(&images.iter().collect::<Vec<_>>());
    for (image, size) in images.iter().zip(1..) {
        told.started(image, size * MIB);
        told.started(image, size * MIB / 2);
    }
    told.planned(&images[0], 5000 * MIB);
    let view = told.view();
    let largest = |row: &Row| row.largest.as_ref().and_then(|moving| moving.size).unwrap() / MIB;
    let sizes: Vec<_> = view.rows.iter().map(largest).collect();
    let wanted: Vec<_> = std::iter::once(1).chain(30..=40).collect();
    assert_eq!(sizes, wanted, "in the order in which they began; what does not move is none");
    assert_eq!((view.in_work, view.rows[0].total), (40, Some(5001 * MIB + MIB / 2)));
}

#[test]
fn c2_waits_are_named_until_something_happens_or_they_are_over() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    let retrying = |kind| {
        let (image, place) = (image.clone(), "r.io:5000/b".into());
        Event::Retrying { image, place, error: error(kind), wait: Duration::from_secs(12) }
    };
    told.tell(&retrying(oci::ErrorKind::RateLimited));
    let row = told.view().rows.remove(0);
    let wait = row.wait.unwrap();
    assert_eq!((wait.host.as_str(), wait.why), ("r.io:5000", "has too many requests"));
    assert_eq!(row.again, Some(Duration::from_secs(11)));
    told.planned(&image, MIB);
    assert_eq!(told.view().rows[0].wait, None, "it went on");
    told.tell(&retrying(oci::ErrorKind::Network));
    told.pass(13.0);
    assert_eq!(told.view().rows[0].wait, None, "it is over");
    let store = sync::endpoint::StoreId::new("r.io:5000");
    told.tell(&Event::AwaitingStore { image: image.clone(), store });
    let row = told.view().rows.remove(0);
    assert_eq!((row.wait.unwrap().why, row.again), ("does not answer", None));
    assert_eq!(told.progress.tried_again(&image), 2);

    let (source, wait) = ("q.io/a".into(), Duration::from_secs(3));
    told.tell(&Event::RetryingList { source, error: error(oci::ErrorKind::Unavailable), wait });
    assert_eq!(told.view().lists_again.len(), 1);
    told.pass(3.0);
    assert_eq!(told.view().lists_again, []);
}

#[test]
fn what_stands_at_targets_need_not_be_sent_again() {
    let [one, two] = ["v1", "v2"].map(image);
    let mut told = Told::with(&[&one, &two]);
    for (image, size) in [(&one, 5 * MIB), (&two, 6 * MIB), (&two, 7 * MIB)] {
        told.planned(image, size);
        told.started(image, size);
        told.moved(image, size, 5 * MIB);
    }
    told.blob_finished(&one, 5 * MIB, BlobOutcome::Copied);
    told.image_finished(&one);
    told.moved(&two, 6 * MIB, MIB);
    told.blob_finished(&two, 6 * MIB, BlobOutcome::Copied);
    told.ended(&two, Outcome::NotDone);
    assert_eq!(told.progress.kept(), 11 * MIB, "of 16 that were sent");
}

/// Signatures come last and are small: neither the remaining time nor the bar treats them like other images.
#[test]
fn c2_what_follows_other_images_is_small() {
    let images: Vec<_> = (0..10).map(|number| image(&format!("v{number}"))).collect();
    let signature = |number: u64| image(&format!("sha256-{}.sig", digest(number).hex()));
    let signatures: Vec<_> = (0..10).map(signature).collect();
    let mut told = Told::with(&[]);
    for image in images.iter().chain(&signatures) {
        told.tell(&Event::ImagePlanned(image.clone()));
    }
    told.all_planned();
    for (image, number) in images.iter().zip(1..) {
        told.tell(&Event::ImageStarted(image.clone()));
        told.started(image, 100 * MIB);
        told.moved(image, 100 * MIB, 50 * MIB);
        told.pass(1.0);
        if number == 10 {
            let view = told.progress.view(told.now, 12);
            let Remaining::About(left) = view.remaining else { panic!("{view:?}") };
            assert_eq!(left, Duration::from_secs(1), "50 MiB at 100 MiB/s, and ten signatures");
            assert!(view.fraction > 0.94, "{}", view.fraction);
        }
        told.moved(image, 100 * MIB, 50 * MIB);
        told.blob_finished(image, 100 * MIB, BlobOutcome::Copied);
        told.image_finished(image);
    }
    let view = told.view();
    assert!(view.fraction < 1.0 && layout_percent(&view) == 99, "{}", view.fraction);
    for signature in &signatures {
        told.tell(&Event::ImageStarted(signature.clone()));
        told.image_finished(signature);
    }
    assert_eq!(layout_percent(&told.view()), 100);
}

fn layout_percent(view: &View) -> u64 {
    crate::output::layout::percent(view)
}

/// A run of many images with known sizes and speed: four at once, of one blob each, which share the bandwidth. Returns the estimate after a
/// third of all bytes, and the actual remaining time.
fn simulate(sizes: &[u64], per_second: u64) -> (Remaining, f64) {
    let images: Vec<_> = (0..sizes.len()).map(|number| image(&format!("v{number}"))).collect();
    let mut told = Told::with(&[]);
    for image in &images {
        told.tell(&Event::ImagePlanned(image.clone()));
    }
    told.all_planned();
    let (total, mut sent) = (sizes.iter().sum::<u64>(), 0);
    let (mut next, mut in_work) = (0, Vec::<(usize, u64)>::new());
    let (mut guessed, mut guessed_at) = (None, told.now);
    while sent < total {
        while in_work.len() < 4 && next < sizes.len() {
            told.tell(&Event::ImageStarted(images[next].clone()));
            told.planned(&images[next], sizes[next]);
            told.started(&images[next], sizes[next]);
            in_work.push((next, 0));
            next += 1;
        }
        told.pass(0.05);
        let share = per_second / 20 / in_work.len() as u64;
        for (number, done) in &mut in_work {
            let bytes = share.min(sizes[*number] - *done);
            told.moved(&images[*number], sizes[*number], bytes);
            *done += bytes;
            sent += bytes;
        }
        in_work.retain(|(number, done)| {
            let is_whole = *done == sizes[*number];
            if is_whole {
                told.blob_finished(&images[*number], sizes[*number], BlobOutcome::Copied);
                told.image_finished(&images[*number]);
            }
            !is_whole
        });
        if guessed.is_none() && sent * 3 >= total {
            (guessed, guessed_at) = (Some(told.progress.view(told.now, 12).remaining), told.now);
        }
    }
    (guessed.unwrap(), (told.now - guessed_at).as_secs_f64())
}

#[test]
fn c2_after_a_third_of_the_bytes_the_time_left_is_right_within_a_fifth() {
    let alike = vec![40 * MIB; 60];
    // In a fixed order without a pattern.
    let mixed: Vec<_> = (0..120_u64)
        .map(|number| match number * 7919 % 13 {
            0 => 90 * MIB,
            1..4 => 30 * MIB,
            _ => 10 * MIB,
        })
        .collect();
    let one = vec![3000 * MIB];
    let few = vec![500 * MIB, 300 * MIB, 200 * MIB, 400 * MIB];
    for sizes in [alike, mixed, one, few] {
        let (guessed, truth) = simulate(&sizes, 20 * MIB);
        #[expect(clippy::cast_precision_loss, reason = "some minutes")]
        let seconds = guessed.seconds().unwrap() as f64;
        assert!((seconds - truth).abs() <= truth * 0.2, "{guessed:?} instead of {truth} s: {}", sizes.len());
        if let Remaining::Between(least, most) = guessed {
            let range = least.as_secs_f64()..=most.as_secs_f64();
            assert!(range.contains(&truth), "{range:?} without {truth}");
        }
    }
}

/// A layer breaks at three quarters and is sent again from its beginning: from then on, the remaining time is right.
#[test]
fn c2_after_a_break_the_time_left_is_that_of_the_rest() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    let size = 400 * MIB;
    told.started(&image, size);
    for _ in 0..60 {
        told.moved(&image, size, 5 * MIB);
        told.pass(1.0);
    }
    told.resumed(&image, size, size);
    for second in 1..80 {
        told.moved(&image, size, 5 * MIB);
        told.pass(1.0);
        let view = told.progress.view(told.now, 12);
        let (guessed, truth) = (view.remaining.seconds().unwrap(), 80 - second);
        assert!(guessed.abs_diff(truth) <= 1 + truth / 10, "{guessed} instead of {truth} s");
    }
}

/// 600 MiB at 10 MiB/s; after 20 s the target asks for a pause of five minutes.
#[test]
fn while_a_host_is_left_alone_the_rest_of_its_pause_counts() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.started(&image, 600 * MIB);
    for _ in 0..20 {
        told.moved(&image, 600 * MIB, 10 * MIB);
        told.view();
    }
    let about = |view: &View| match view.remaining {
        Remaining::About(left) => left.as_secs(),
        other => panic!("{other:?}"),
    };
    let before = about(&told.view());
    assert!((38..=50).contains(&before), "400 MiB are left: {before}");
    told.progress.pause(told.now, "r.io", Duration::from_secs(300));
    let first = about(&told.view());
    assert!((335..=350).contains(&first), "{first}");
    let mut last = first;
    for second in 0..290 {
        let now = about(&told.view());
        assert!(now >= 40, "never less than what is left at full speed: {now} at {second}");
        last = now;
    }
    // 9 s of the pause are left, and more such pauses may come.
    assert!((300..=700).contains(&last), "200 MiB came in 310 s, and 400 are left: {last}");
    // This image does not use the other registry that pauses.
    told.pass(20.0);
    told.progress.pause(told.now, "z.io", Duration::from_secs(5000));
    assert!(about(&told.view()) < 1000);
}

/// A host that takes 100 MiB in 10 s, and then asks for a pause of two minutes, again and again.
#[test]
fn where_a_host_throttles_again_and_again_the_waits_are_a_part_of_the_speed() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.all_planned();
    told.started(&image, 2000 * MIB);
    let mut left = 2000;
    let mut seen = Vec::new();
    while left > 0 {
        for _ in 0..10 {
            told.moved(&image, 2000 * MIB, 10 * MIB);
            left -= 10;
            seen.push((told.now, told.view().remaining.seconds()));
        }
        told.progress.pause(told.now, "r.io", Duration::from_secs(120));
        for _ in 0..120 {
            seen.push((told.now, told.view().remaining.seconds()));
        }
    }
    // Without the last pause, since nothing is left to send.
    let end = told.now.checked_sub(Duration::from_secs(120)).unwrap();
    let third = seen.len() / 3;
    for (number, (at, guessed)) in seen[..seen.len() - 130].iter().enumerate().skip(third) {
        let (really, guessed) = ((end - *at).as_secs_f64(), guessed.unwrap_or(0));
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let off = guessed as f64 / really;
        // Near the end, one pause more or less is a large error.
        let is_near_the_end = number + 650 > seen.len();
        assert!(off > 0.75 && (is_near_the_end || off < 1.6), "{guessed} s instead of {really} s");
    }
}

#[test]
fn while_nobody_knows_when_a_registry_answers_the_time_left_is_a_least_one() {
    let (one, other) = (image("v1"), image("v2"));
    let mut told = Told::with(&[&one, &other]);
    told.all_planned();
    for image in [&one, &other] {
        told.started(image, 100 * MIB);
    }
    for _ in 0..10 {
        told.moved(&one, 100 * MIB, 5 * MIB);
        told.view();
    }
    assert!(matches!(told.view().remaining, Remaining::About(_)));
    told.tell(&Event::AwaitingStore { image: other.clone(), store: sync::endpoint::StoreId::new("r.io") });
    assert!(matches!(told.view().remaining, Remaining::AtLeast(_)), "{:?}", told.view().remaining);
}

#[test]
fn how_sure_the_whole_is_follows_from_what_was_seen() {
    let images: Vec<_> = (0..9).map(|number| image(&format!("v{number}"))).collect();
    let mut told = Told::with(&images[..4].iter().collect::<Vec<_>>());
    told.all_planned();
    for image in &images[4..] {
        told.tell(&Event::ImagePlanned(image.clone()));
    }
    assert_eq!(told.view().known, Known::Some, "nothing was seen of the others");
    for image in &images[..4] {
        told.planned(image, 10);
    }
    assert_eq!(told.view().known, Known::Likely(90));
    assert_eq!(told.view().remaining, Remaining::Unknown, "not a byte has moved");
    for image in &images[4..] {
        told.tell(&Event::ImageStarted(image.clone()));
        told.planned(image, 10);
    }
    let view = told.view();
    assert_eq!((view.known, view.total, view.remaining), (Known::All, 90, Remaining::Unknown));
}

#[test]
fn whoever_only_looks_does_not_know_all_blobs_before() {
    let image = image("v1");
    let mut told = Told::with(&[&image]);
    told.started(&image, 10);
    assert_eq!(told.view().rows[0].known, Blobs::SoFar);
    told.planned(&image, 20);
    assert_eq!(told.view().rows[0].known, Blobs::All);
}

/// A fleet with two images in work; the first is worker `a`'s.
fn fleet(a_is_silent: bool, b: Option<bool>) -> FleetStanding {
    let worker = |name: &str, silent, has_job: bool| FleetWorker {
        name: name.to_owned(),
        silent,
        jobs: has_job.then(|| "job 1".to_owned()).into_iter().collect(),
    };
    let b = b.map(|has_job| worker("b", false, has_job));
    let workers = [worker("a", a_is_silent, true)].into_iter().chain(b).collect();
    FleetStanding { jobs_in_work: 1, jobs_done: 4, workers, ..FleetStanding::default() }
}

#[test]
fn what_a_dead_worker_has_sent_comes_again_and_nothing_is_promised_while_nobody_goes_on() {
    let images: Vec<_> = (0..6).map(|number| image(&format!("v{number}"))).collect();
    let mut told = Told::with(&[]);
    for image in &images {
        told.tell(&Event::ImagePlanned(image.clone()));
    }
    told.all_planned();
    let sent = |told: &mut Told, worker: &str, bytes| {
        let during = Duration::from_secs(1);
        told.progress.event(told.now, Some(&worker.into()), &Event::BytesReported { bytes, during });
    };
    for image in &images[..4] {
        sent(&mut told, "b", 10 * MIB);
        let digest = digest(0);
        let (at_source, left_out) = (digest.clone(), sync::LeftOut::default());
        let outcome = Outcome::Copied { digest, at_source, replaced: None, left_out };
        let amounts = Amounts { moved_bytes: 10 * MIB, ..Amounts::default() };
        let ended = ImageReport { image: image.clone(), rule: 0, outcome, amounts, took: Duration::ZERO };
        told.progress.event(told.now, Some(&"b".into()), &Event::ImageFinished(Arc::new(ended)));
        told.pass(1.0);
    }
    sent(&mut told, "a", 6 * MIB);
    let mut seen = |standing: &FleetStanding| {
        told.progress.fleet(standing);
        let view = told.view();
        (view.sent / MIB, view.known, view.remaining)
    };
    let (sent, known, left) = seen(&fleet(false, Some(false)));
    assert_eq!((sent, known), (46, Known::Likely(60 * MIB)), "14 MiB of two images are to come");
    assert!(matches!(left, Remaining::About(_)), "{left:?}");
    // Worker `b` has nothing to do until it gets `a`'s job.
    for waits in [fleet(true, Some(false)), fleet(true, None)] {
        assert_eq!(seen(&waits), (46, Known::Likely(66 * MIB), Remaining::Unknown));
    }
    let (_, known, left) = seen(&fleet(true, Some(true)));
    assert_eq!(known, Known::Likely(66 * MIB));
    assert!(matches!(left, Remaining::About(_)), "{left:?}");
}
