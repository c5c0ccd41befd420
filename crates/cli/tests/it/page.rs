//! The page of a report in a real browser: its use by a person, and that foreign text in it has no effect.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::process::Workplace;
use crate::web_driver::Browser;

const EVIL: &str =
    "</script><script>window.owned=1</script><img src=x onerror=\"window.owned=2\">'`${window.owned=3}";

/// A report of `images` images: every tenth failed, with one of two causes, and one has a hostile name.
fn report(images: usize) -> Value {
    let outcome = |number: usize| match number % 10 {
        0 => "failed",
        1 | 2 => "unchanged",
        _ => "copied",
    };
    let error = |number: usize| {
        let (cause, message) = match number % 20 {
            0 => ("denied", format!("403 Forbidden {EVIL}")),
            _ => ("lost", "404 Not Found".to_owned()),
        };
        json!({"kind": cause, "side": "target", "host": "r.example", "operation": "push", "status": 403, "code": "DENIED",
            "message": message, "requestId": format!("request-{number}"), "hint": format!("ask for {cause}"), "cause": cause})
    };
    let image = |number: usize| {
        let name = if number == 20 {
            format!("r.example/z{EVIL}:v1")
        } else {
            format!("r.example/app-{}:v1.{number}", number % 7)
        };
        json!({"rule": "apps", "source": format!("q.example/app-{}:v1.{number}", number % 7), "target": name,
            "outcome": outcome(number), "digest": format!("sha256:{number:064x}"), "bytesMoved": number * 1000 % 7919,
            "seconds": 0.5, "attempts": 1, "error": (outcome(number) == "failed").then(|| error(number))})
    };
    let images: Vec<_> = (0..images).map(image).collect();
    let count = |outcome: &str| images.iter().filter(|image| image["outcome"] == outcome).count();
    let group = |cause: &str| {
        let alike: Vec<_> = images.iter().filter(|image| image["error"]["cause"] == cause).collect();
        let names: Vec<_> = alike.iter().take(5).map(|image| image["target"].clone()).collect();
        json!({"kind": cause, "hint": alike[0]["error"]["hint"], "count": alike.len(), "examples": names, "cause": cause,
            "side": "target", "host": "r.example", "message": alike[0]["error"]["message"]})
    };
    let points: Vec<_> =
        (1..200).map(|second| json!({"seconds": second, "bytes": second * second, "images": 1})).collect();
    json!({"schema": "image-syncer/report/1", "run": "r", "command": "sync", "exitCode": 1, "startedAt": "2026-11-29T20:00:00Z",
        "finishedAt": "2026-11-29T20:04:00Z",
        "totals": {"copied": count("copied"), "unchanged": count("unchanged"), "failed": count("failed")},
        "failures": [group("denied"), group("lost")], "timeline": points,
        "registries": [{"host": "r.example", "kind": "Harbor", "warnings": [EVIL]}], "images": images})
}

struct Shown {
    browser: Browser,
    workplace: Workplace,
}

impl Shown {
    fn open(report: &Value) -> Result<Self> {
        let workplace = Workplace::new()?;
        workplace.write("r.json", &report.to_string())?;
        workplace.run("report show r.json --html r.html")?.expect_code(0)?;
        let browser = Browser::start()?;
        browser.open(&workplace.path().join("r.html"))?;
        Ok(Self { browser, workplace })
    }

    fn says(&self, script: &str, wanted: impl Into<Value>) -> Result<()> {
        let (told, wanted) = (self.browser.run(script)?, wanted.into());
        ensure!(told == wanted, "{script}: {told} instead of {wanted}");
        Ok(())
    }

    fn text(&self, selector: &str) -> Result<String> {
        let script = format!("return document.querySelector({selector:?}).innerText");
        Ok(self.browser.run(&script)?.as_str().context("no text")?.to_owned())
    }
}

const ROWS: &str = "return document.querySelectorAll('#rows .image').length";
const FIRST: &str = "return document.querySelector('#rows .target').textContent";
const POSITION: &str = "return document.getElementById('position').textContent";

#[test]
fn a_page_of_five_thousand_images_is_searched_sorted_and_filtered() -> Result<()> {
    let shown = Shown::open(&report(5000))?;
    ensure!(shown.text("h1")? == "500 of 5,000 images failed.");
    shown.says(ROWS, 100)?;
    shown.says(POSITION, "1 to 100 of 5,000 images")?;
    shown.says("return document.querySelector('#rows .outcome').textContent", "failed")?;

    sorts_quickly(&shown)?;
    shown.says(FIRST, format!("r.example/z{EVIL}:v1"))?;
    shown.says("document.querySelector('[data-sort=target] button').click(); return document.querySelector('#rows .target').textContent", "r.example/app-0:v1.0")?;
    // Numbers in names sort as numbers.
    shown.says(
        "return document.querySelectorAll('#rows .target')[15].textContent",
        "r.example/app-0:v1.105",
    )?;
    shown.says(
        "document.getElementById('forward').click(); return document.getElementById('position').textContent",
        "101 to 200 of 5,000 images",
    )?;

    shown.browser.write("#search", "V1.4990 app-6")?;
    shown.browser.wait_for("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")?;
    shown.says(POSITION, "1 image")?;
    shown.says(FIRST, "r.example/app-6:v1.4990")?;

    shown.says(
        "const field = document.getElementById('search'); field.value = ''; field.dispatchEvent(new Event('input'));
         document.querySelector('#filters button:nth-child(2)').click(); return document.getElementById('position').textContent",
        "1 to 100 of 500 images",
    )?;
    shown.says("document.querySelector('[data-cause=lost]').click(); return document.getElementById('position').textContent", "1 to 100 of 250 images")?;
    ensure!(shown.text("#chosen")?.contains("Only what failed at target r.example: lost"));
    shown.says("document.querySelector('#chosen button').click(); return document.getElementById('position').textContent", "1 to 100 of 5,000 images")?;
    Ok(())
}

/// The only time that is measured: a slow page would not be used.
fn sorts_quickly(shown: &Shown) -> Result<()> {
    let script = "const begun = performance.now();
        document.querySelector(`[data-sort=${KEY}] button`).click();
        document.body.getBoundingClientRect();
        return performance.now() - begun;";
    // Finally by name, ascending and descending.
    for key in ["moved", "digest", "seconds", "outcome", "target", "target"] {
        let times =
            (0..3).map(|_| shown.browser.run(&script.replace("${KEY}", key)).map(|took| took.as_f64()));
        // The best of three: other tests use the same processors.
        let times = times.collect::<Result<Vec<_>>>()?;
        let best = times.into_iter().flatten().fold(f64::INFINITY, f64::min);
        ensure!(best < 200.0, "{key}: {best} ms");
    }
    Ok(())
}

#[test]
fn foreign_text_does_nothing_and_nothing_leaves_the_page() -> Result<()> {
    let shown = Shown::open(&report(60))?;
    // Opens a failure, by its block and in the table.
    shown.says("return document.querySelectorAll('.cause[open]').length", 2)?;
    shown.says("const one = document.querySelector('.cause summary'); one.click(); return document.querySelectorAll('.cause[open]').length", 1)?;
    let opened = shown.browser.run(
        "const rows = [...document.querySelectorAll('#rows .image')];
         const evil = rows.find((row) => row.textContent.includes('owned=2') && row.textContent.includes('img src'));
         evil.querySelector('.outcome').click();
         const below = document.querySelector('#rows .below');
         return [below.innerText, below.previousSibling.querySelector('.target').textContent]",
    )?;
    let told = opened[0].as_str().context("below")?;
    for part in ["push", "403 DENIED", "ask for denied", "request-", "sha256:00"] {
        ensure!(told.contains(part), "{part}: {told}");
    }
    let names = shown
        .browser
        .run("return [...document.querySelectorAll('#rows .target')].map((name) => name.textContent)")?;
    let evil = json!(format!("r.example/z{EVIL}:v1"));
    ensure!(names.as_array().is_some_and(|names| names.contains(&evil)), "it is shown as it is: {names}");
    shown.says("return window.owned === undefined", true)?;
    shown.says(
        "return document.querySelectorAll('img, iframe, object, script[src], link[rel=stylesheet]').length",
        0,
    )?;

    // Copying a digest copies all of it.
    let copied = shown.browser.wait_for(
        "const done = arguments[0];
         navigator.clipboard.writeText = (text) => { done(text); return Promise.resolve(); };
         document.querySelector('#rows .digest').click();",
    )?;
    ensure!(copied.as_str().is_some_and(|digest| digest.len() == 71), "{copied}");
    // If the browser supports neither way of copying, the page does not claim success.
    let said = shown.browser.wait_for(
        "const done = arguments[0];
         navigator.clipboard.writeText = () => Promise.reject(new Error('no'));
         document.execCommand = () => false;
         document.querySelector('#rows .digest').click();
         setTimeout(() => done(document.getElementById('said').textContent), 100);",
    )?;
    ensure!(said == "This browser does not copy", "{said}");

    let page = format!("file://{}", shown.workplace.path().join("r.html").display());
    let (requested, complaints) = (shown.browser.requested_by(&page)?, shown.browser.complaints()?);
    let left: Vec<_> =
        requested.iter().filter(|address| **address != page && !address.starts_with("data:")).collect();
    ensure!(requested.contains(&page) && left.is_empty(), "{left:?}");
    ensure!(complaints.is_empty(), "its own policy stops nothing of its own: {complaints:?}");

    // An injected script could not send data anywhere.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let tried = format!(
        "const done = arguments[0];
         const image = new Image(); image.src = 'http://{address}/image';
         const script = document.createElement('script'); script.textContent = 'window.owned = 4'; document.body.append(script);
         fetch('http://{address}/').then(() => done('sent'), () => done('stopped'));"
    );
    ensure!(shown.browser.wait_for(&tried)? == "stopped");
    shown.says("return window.owned === undefined", true)?;
    ensure!(listener.accept().is_err(), "nobody came");
    Ok(())
}

#[test]
fn it_is_read_without_script_and_on_a_phone() -> Result<()> {
    let shown = Shown::open(&report(60))?;
    let page = shown.workplace.path().join("r.html");
    let phone = json!({"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": true});
    shown.browser.command("Emulation.setDeviceMetricsOverride", &phone)?;
    shown.browser.open(&page)?;
    shown.says("return innerWidth", 390)?;
    shown.says("return document.documentElement.scrollWidth", 390)?;
    shown.says(ROWS, 60)?;
    shown.browser.command("Emulation.setScriptExecutionDisabled", &json!({"value": true}))?;
    shown.browser.open(&page)?;
    let text = shown.text("body")?;
    for part in [
        "6 of 60 images failed.",
        "ask for denied",
        "ask for lost",
        "r.example/app-0:v1.0",
        "needs JavaScript",
    ] {
        ensure!(text.contains(part), "{part}: {text}");
    }
    shown.says("return document.getElementById('table').checkVisibility()", false)?;
    Ok(())
}
