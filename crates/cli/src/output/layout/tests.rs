use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sync::Image;

use super::fit::width;
use super::*;
use crate::output::Paint;
use crate::output::progress::{Blobs, Images, Known, Moving, Progress, Remaining, Row, Wait};

const MIB: u64 = 1 << 20;

fn image(target: &str, tag: &str) -> Arc<Image> {
    let reference = oci::TagOrDigest::Tag(tag.parse().unwrap());
    Arc::new(Image {
        source: "q.io/a".into(),
        source_reference: reference.clone(),
        target: target.into(),
        target_reference: reference,
    })
}

fn row(target: &str, tag: &str) -> Row {
    Row {
        image: image(target, tag),
        took: Duration::from_secs(75),
        sent: 130 * MIB,
        total: Some(480 * MIB),
        known: Blobs::All,
        largest: Some(Moving { digest: oci::Digest::sha256(b"layer"), sent: 23 * MIB, size: Some(60 * MIB) }),
        mounted: 2,
        present: 0,
        wait: None,
        again: None,
    }
}

fn wait(why: &'static str) -> Wait {
    Wait { host: "r.example:5000".to_owned(), why, until: None }
}

fn view() -> View {
    let images = Images { planned: 40, copied: 8, unchanged: 3, failed: 1, ..Images::default() };
    let long = "registry.example.com:5000/platform/team/gateway-service";
    let waiting = Row {
        wait: Some(wait("has too many requests")),
        again: Some(Duration::from_secs(12)),
        ..row("r.example:5000/b", "v2")
    };
    let looking = Row { total: None, largest: None, ..row("r.example:5000/b", "v3") };
    View {
        elapsed: Duration::from_secs(95),
        images,
        lists: false,
        sent: 1300 * MIB,
        total: 3500 * MIB,
        known: Known::Some,
        per_second: Some(54 * MIB),
        remaining: Remaining::Between(Duration::from_secs(40), Duration::from_secs(130)),
        fraction: 0.3,
        in_work: 7,
        rows: vec![row(long, "v1.24.0"), waiting, looking],
        lists_again: Vec::new(),
    }
}

fn room(columns: usize) -> Room {
    Room { rows: 24, columns, symbols: Symbols::Unicode, paint: Paint::never() }
}

fn shown(view: &View, slow: &[SlowHost], columns: usize) -> String {
    picture(view, slow, room(columns)).join("\n")
}

#[test]
fn the_picture_at_40_columns() {
    let wanted = "\
━━━───────  30 %  40 s to 2 min left
12 of 40 images done: 1 failed
  plat…ce:v1.24.0  130 of 480 MiB
  b:v2             again in 12 s
  b:v3             looking
  and 4 more in work";
    let found = shown(&view(), &[], 40);
    assert_eq!(found, wanted);
}

#[test]
fn the_picture_at_80_columns() {
    let wanted = "\
━━━━╸───────────  30 %  1.27 of at least 3.42 GiB  40 s to 2 min left
12 of 40 images done: 8 copied, 3 unchanged, 1 failed, 7 in work
  r.example:5000 is throttled: 3 requests at once
  platform/t…eway-service:v1.24.0  130 of 480 MiB  largest 23.0 of 60.0 MiB
  r.example:5000/b:v2              again in 12 s
  r.example:5000/b:v3              looking
  and 4 more in work";
    let slow = SlowHost {
        host: "r.example:5000".to_owned(),
        pause: None,
        silent: None,
        at_once: Some(3),
        of: BTreeSet::new(),
    };
    assert_eq!(shown(&view(), &[slow], 80), wanted);
}

#[test]
fn the_picture_at_200_columns() {
    let wanted = "\
━━━━━━━─────────────────  30 %  1.27 of at least 3.42 GiB  54.0 MiB/s  40 s to 2 min left
12 of 40 images done: 8 copied, 3 unchanged, 1 failed, 7 in work; 1 min 35 s so far
  registry.example.com:5000/platform/team/gateway-service:v1.24.0   ━━──────  130 of 480 MiB  largest 23.0 of 60.0 MiB (DIGEST)  2 mounted
  r.example:5000/b:v2                                               r.example:5000 has too many requests: again in 12 s
  r.example:5000/b:v3                                               looking
  and 4 more in work";
    let digest = oci::Digest::sha256(b"layer").short();
    assert_eq!(shown(&view(), &[], 200), wanted.replace("DIGEST", &digest));
}

#[test]
fn below_40_columns_there_is_a_count() {
    assert_eq!(shown(&view(), &[], 39), "12/40 images");
    assert_eq!(shown(&view(), &[], 8), "12/40 …");
}

#[test]
fn c2_what_is_not_known_yet_is_said_to_be_so() {
    let base = View { rows: Vec::new(), in_work: 0, ..view() };
    let none = Images::default();
    for (view, wanted) in [
        (
            View {
                images: none,
                lists: true,
                total: 0,
                sent: 0,
                fraction: 0.0,
                remaining: Remaining::Unknown,
                ..base.clone()
            },
            "────────────────   0 %\nlooking for images; 1 min 35 s so far",
        ),
        (
            View { lists: true, remaining: Remaining::AtLeast(Duration::from_secs(7)), ..base.clone() },
            "━━━━╸───────────  30 %  1.27 of at least 3.42 GiB  54.0 MiB/s  at least 7 s left\n12 of 40 images done, listing: 8 copied, 3 unchanged, 1 failed; 1 min 35 s so far",
        ),
        (
            View {
                known: Known::All,
                fraction: 0.999,
                remaining: Remaining::About(Duration::from_secs(1)),
                ..base.clone()
            },
            "━━━━━━━━━━━━━━━╸  99 %  1.27 of 3.42 GiB  54.0 MiB/s  about 1 s left\n12 of 40 images done: 8 copied, 3 unchanged, 1 failed; 1 min 35 s so far",
        ),
    ] {
        assert_eq!(shown(&view, &[], 90), wanted);
    }
}

#[test]
fn what_holds_a_run_up_is_named() {
    let pause = Some(Duration::from_secs(12));
    let slow = SlowHost {
        host: "r.example:443".to_owned(),
        pause,
        silent: None,
        at_once: Some(1),
        of: BTreeSet::new(),
    };
    let list = ("q.io/team/**".into(), Wait { host: "q.io".to_owned(), ..wait("is unavailable") });
    let view = View { lists_again: vec![list], rows: Vec::new(), ..view() };
    let found = shown(&view, std::slice::from_ref(&slow), 100);
    let wanted = "\n  r.example:443 asked to wait: 12 s more\n  the list of q.io/team/** is asked for again: q.io is unavailable";
    assert!(found.ends_with(wanted), "{found}");
    let line = status_line(&view, &[slow]);
    assert!(
        line.contains(
            "7 in work, 1.27 of at least 3.42 GiB, 54.0 MiB/s, 40 s to 2 min left; r.example:443 asked"
        ),
        "{line}"
    );
}

#[test]
fn s4_the_status_block_names_all_that_is_in_work() {
    let block = status_block(&view(), &[]);
    let wanted = "status after 1 min 35 s: 12 of 40 images done, 8 copied, 3 unchanged, 1 failed, 7 in work, 1.27 of at least 3.42 GiB, 54.0 MiB/s, 40 s to 2 min left
  q.io/a:v1.24.0 -> registry.example.com:5000/platform/team/gateway-service:v1.24.0: 130 of 480 MiB  largest 23.0 of 60.0 MiB (DIGEST)  2 mounted, for 1 min 15 s
  q.io/a:v2 -> r.example:5000/b:v2: r.example:5000 has too many requests: again in 12 s, for 1 min 15 s
  q.io/a:v3 -> r.example:5000/b:v3: looking, for 1 min 15 s
  and 4 more";
    let digest = oci::Digest::sha256(b"layer").short();
    assert_eq!(block, wanted.replace("DIGEST", &digest));
}

#[test]
fn the_model_and_the_layout_go_together() {
    let now = Instant::now();
    let mut progress = Progress::start(now);
    progress.event(now, None, &sync::Event::ImagePlanned(image("r.io/b", "v1")));
    progress.event(now, None, &sync::Event::ImageStarted(image("r.io/b", "v1")));
    let view = progress.view(now + Duration::from_secs(2), 5);
    let wanted = "────────────────   0 %\n0 of 1 image done, listing: 1 in work; 2 s so far\n  r.io/b:v1                        looking";
    assert_eq!(shown(&view, &[], 80), wanted);
}

proptest! {
    #[test]
    fn no_picture_is_larger_than_its_terminal(columns in 1_usize..260, rows in 1_usize..30, name in "[a-z/]{1,200}", ascii in any::<bool>()) {
        let mut view = view();
        view.rows.push(row(&format!("r.example:5000/{name}"), "v1"));
        let symbols = if ascii { Symbols::Ascii } else { Symbols::Unicode };
        let slow = [name, "r.example".to_owned()].map(|host| SlowHost { host, pause: None, silent: None, at_once: Some(1), of: BTreeSet::new() });
        let picture = picture(&view, &slow, Room { rows, symbols, ..room(columns) });
        prop_assert!(picture.len() < rows, "{} lines in {rows} rows", picture.len());
        for line in picture {
            prop_assert!(width(&line) < columns, "{line:?} at {columns}");
            prop_assert!(!ascii || line.is_ascii());
        }
    }
}

#[test]
fn an_image_says_that_it_finishes_only_where_nothing_more_can_come() {
    for (known, sent, says) in [
        (Blobs::All, 130, "130 of 480 MiB  waiting"),
        (Blobs::All, 480, "480 of 480 MiB  finishing"),
        (Blobs::SoFar, 480, "480 of 480 MiB  looking further"),
    ] {
        let row =
            Row { known, sent: sent * MIB, largest: None, mounted: 0, present: 0, ..row("r.io/a", "v1") };
        let told = row::status(&row);
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn the_whole_is_as_sure_as_the_time_that_is_left() {
    let total = 480 * MIB;
    for (known, remaining, says) in [
        (Known::All, Remaining::About(Duration::from_secs(60)), "130 of 480 MiB, about 60 s left"),
        (
            Known::Likely(900 * MIB),
            Remaining::About(Duration::from_secs(60)),
            "130 of about 900 MiB, about 60 s left",
        ),
        (
            Known::Some,
            Remaining::AtLeast(Duration::from_secs(60)),
            "130 of at least 480 MiB, at least 60 s left",
        ),
        (Known::Some, Remaining::Unknown, "130 of at least 480 MiB"),
    ] {
        let view = View { known, remaining, total, sent: 130 * MIB, per_second: None, ..view() };
        let told = status_line(&view, &[]);
        assert!(told.ends_with(says), "{told}");
    }
}
