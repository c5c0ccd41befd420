//! A report as a self-contained HTML page: no network, and no script except for the table of images.

mod chart;
mod context;
mod policy;
mod rows;
mod workers;

use std::io::{Error, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::records::Records;
use super::report_json::Facts;
use context::page;
use policy::policy;
use rows::Rows;

const TEMPLATE: &str = include_str!("report_html/page.html");
const STYLE: &str = include_str!("report_html/page.css");
const SCRIPT: &str = include_str!("report_html/page.js");

/// Writes the page.
pub(crate) fn write(facts: &Facts, records: &Records, writer: &mut dyn Write) -> Result<(), Error> {
    let rows = Rows::of(records)?;
    let page = page(facts, &rows, &records.shares);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let template = environment.template_from_str(TEMPLATE).map_err(Error::other)?;
    let own = Value::from_safe_string;
    let context = context! {
        page => Value::from(Serde(&page)),
        policy => policy(STYLE, SCRIPT),
        style => own(STYLE.to_owned()),
        script => own(SCRIPT.to_owned()),
        rows => own(rows.json()),
    };
    let text = template.render(context).map_err(Error::other)?;
    writer.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::records::Gathered;
    use crate::output::report_json::Stopped;

    const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{ 7 * 7 }}<!--";

    #[test]
    fn foreign_text_stays_text_wherever_it_stands() {
        let mut records = Gathered::new(None);
        let text = serde_json::json!({
            "rule": EVIL, "source": EVIL, "target": EVIL, "outcome": "failed", "note": EVIL, "digest": EVIL,
            "sourceDigest": EVIL, "worker": EVIL,
            "error": {"kind": EVIL, "side": EVIL, "host": EVIL, "operation": EVIL, "code": EVIL, "message": EVIL,
                "requestId": EVIL, "hint": EVIL, "cause": EVIL},
        });
        records.add(&serde_json::from_value(text).unwrap()).unwrap();
        let mut facts = Facts::default();
        let head = &mut facts.head;
        for text in
            [&mut head.version, &mut head.run, &mut head.command, &mut head.started_at, &mut head.finished_at]
        {
            EVIL.clone_into(text);
        }
        head.totals.failed = 1;
        head.stopped =
            Some(Stopped { kind: EVIL.to_owned(), message: EVIL.to_owned(), hint: EVIL.to_owned() });
        let own = || EVIL.to_owned();
        let group = serde_json::json!({"kind": EVIL, "hint": EVIL, "count": 1, "examples": [EVIL], "cause": EVIL,
            "side": EVIL, "host": EVIL, "message": EVIL});
        facts.tail.failures = vec![serde_json::from_value(group).unwrap()];
        facts.tail.refused_rules = vec![own()];
        let registry = serde_json::json!({"host": EVIL, "kind": EVIL, "warnings": [EVIL],
            "limits": [{"host": EVIL, "requests": EVIL, "atOnce": 1, "tooMuch": 1}]});
        facts.tail.registries = vec![serde_json::from_value(registry).unwrap()];
        let mut page = Vec::new();
        write(&facts, &records.finish(), &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let own = page.replace(SCRIPT, "").replace(STYLE, "");
        assert_eq!(own.matches("<script").count(), 2, "the data and the script");
        assert_eq!(own.matches("</script").count(), 2);
        for evil in ["<img", "<!--", "alert(1)</", "49"] {
            assert!(!own.contains(evil), "{evil}");
        }
        assert!(own.matches("alert(1)").count() > 20, "it is shown");
    }

    #[test]
    fn failed_lists_have_a_tile() {
        let written = |failed_rules| {
            let mut facts = Facts::default();
            facts.head.totals.failed_rules = failed_rules;
            let mut page = Vec::new();
            write(&facts, &Gathered::new(None).finish(), &mut page).unwrap();
            String::from_utf8(page).unwrap()
        };
        for (number, tile) in [
            (1, "<strong>1</strong><span><i class=\"failed\"></i>list failed</span>"),
            (1200, "<strong>1,200</strong><span><i class=\"failed\"></i>lists failed</span>"),
        ] {
            assert!(written(number).contains(tile), "{number}");
        }
        assert!(!written(0).contains("lists failed"));
    }

    #[test]
    fn a_page_of_five_thousand_images_is_small() {
        let mut records = Gathered::new(None);
        for number in 0..5000 {
            let name = format!("registry.example.com/team-{}/some-service-{number}:v1.{number}", number % 40);
            let digest = oci::Digest::sha256(name.as_bytes()).to_string();
            let error = (number % 4 == 0).then(|| serde_json::json!({"kind": "denied", "message": "GET https://registry.example.com/v2/x/manifests/v1: 403 Forbidden: denied: requested access to the resource is denied, request id 0123456789", "hint": "check the rights of this login"}));
            let outcome = if error.is_some() { "failed" } else { "copied" };
            let image = serde_json::json!({"rule": "apps", "source": name, "target": format!("mirror-{name}"), "outcome": outcome,
                "digest": digest, "sourceDigest": digest, "bytesMoved": 12_345_678, "seconds": 12.345, "attempts": 1, "error": error});
            records.add(&serde_json::from_value(image).unwrap()).unwrap();
        }
        let mut page = Vec::new();
        write(&Facts::default(), &records.finish(), &mut page).unwrap();
        assert!(page.len() < 3_000_000, "{}", page.len());
    }
}
