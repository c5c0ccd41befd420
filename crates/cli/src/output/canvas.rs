//! A picture below all lines of a terminal, redrawn in place. Makes the bytes; writes none.
//!
//! A redraw overwrites the old picture and erases the rest in one write, so that nothing flickers. It erases row by row: if all were erased
//! at once, tmux would keep it in its scrollback.
//!
//! Text lines go above the picture. The cursor rests below it, at the beginning of a line, where typed characters do not damage it. While
//! another program has the terminal, nothing is drawn.

use std::fmt::Write as _;

use super::taskbar::Taskbar;

/// Synchronized output: terminals that support it show nothing before the end; others ignore it. See
/// <https://github.com/contour-terminal/vt-extensions/blob/master/synchronized-output.md>.
const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";
const ERASE_REST_OF_LINE: &str = "\u{1b}[K";

/// The picture to draw.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) lines: Vec<String>,
    /// The progress for the window's button in a taskbar, if the terminal supports it.
    pub(super) taskbar: Option<Taskbar>,
}

/// A change of the picture.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Draw(Picture),
    /// Remove it: the next lines take its place.
    TakeAway,
}

/// The state of a terminal.
#[derive(Default)]
pub(super) struct Canvas {
    picture: Option<Picture>,
    /// The width of each drawn line: a terminal that becomes narrower wraps those that are wider.
    drawn: Vec<usize>,
    columns: usize,
    taskbar: Option<Taskbar>,
}

impl Canvas {
    /// Leaves the drawn picture where it is, without redrawing it: another program has written below it.
    pub(super) fn leave(&mut self) {
        self.drawn.clear();
    }

    /// The bytes that write lines of text while another program has the terminal. The picture waits, and is then drawn below the other
    /// program's output.
    pub(super) fn stand_back(&mut self, text: &[u8], change: Option<Change>) -> Vec<u8> {
        self.leave();
        match change {
            Some(Change::Draw(picture)) => self.picture = Some(picture),
            Some(Change::TakeAway) => self.picture = None,
            None => {}
        }
        let mut bytes = if self.picture.is_none() { self.taskbar_change().into_bytes() } else { Vec::new() };
        bytes.extend(text);
        bytes
    }

    /// The bytes that write lines of text above the picture and change it.
    pub(super) fn compose(&mut self, text: &[u8], change: Option<Change>, columns: usize) -> Vec<u8> {
        let is_same = match &change {
            Some(Change::Draw(picture)) => self.picture.as_ref() == Some(picture),
            Some(Change::TakeAway) => self.picture.is_none(),
            None => true,
        };
        let is_torn = self.picture.is_some() && (self.drawn.is_empty() || self.columns != columns);
        if text.is_empty() && is_same && !is_torn {
            return Vec::new();
        }
        if self.picture.is_none() && !matches!(change, Some(Change::Draw(_))) {
            return text.to_vec();
        }
        let rows = self.rows(columns);
        match change {
            Some(Change::Draw(picture)) => self.picture = Some(picture),
            Some(Change::TakeAway) => self.picture = None,
            None => {}
        }
        self.columns = columns;
        let mut bytes = (BEGIN.to_owned() + &self.taskbar_change() + &back_to_top(rows)).into_bytes();
        let lines = self.picture.as_ref().map_or(0, |picture| picture.lines.len());
        if !text.is_empty() || lines < rows {
            bytes.extend(erase(rows).as_bytes());
        }
        bytes.extend(text);
        bytes.extend(self.draw(columns).as_bytes());
        bytes.extend(END.as_bytes());
        bytes
    }

    /// The number of rows that the picture takes at this width.
    fn rows(&self, columns: usize) -> usize {
        self.drawn.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum()
    }

    fn draw(&mut self, columns: usize) -> String {
        let (mut text, most) = (String::new(), columns.saturating_sub(1));
        self.drawn.clear();
        let Some(picture) = &self.picture else { return text };
        for line in &picture.lines {
            let (line, width) = cut(line, most);
            let _ = writeln!(text, "{line}{ERASE_REST_OF_LINE}");
            self.drawn.push(width);
        }
        // The user may have typed there.
        text + ERASE_REST_OF_LINE
    }

    fn taskbar_change(&mut self) -> String {
        let wanted = self.picture.as_ref().and_then(|picture| picture.taskbar);
        let change = match (wanted, self.taskbar) {
            (Some(wanted), shown) if shown != Some(wanted) => wanted.code(),
            (None, Some(_)) => Taskbar::REMOVE.to_owned(),
            _ => String::new(),
        };
        self.taskbar = wanted;
        change
    }
}

/// Moves the cursor to the beginning of the first of these rows.
fn back_to_top(rows: usize) -> String {
    if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A") }
}

/// Erases these rows, and the one below them; the cursor stays at the first.
fn erase(rows: usize) -> String {
    if rows == 0 {
        return String::new();
    }
    format!(
        "{}{ERASE_REST_OF_LINE}{}",
        format!("{ERASE_REST_OF_LINE}\u{1b}[1B").repeat(rows),
        back_to_top(rows)
    )
}

/// The part of a line that fits, with its colours, and its width.
fn cut(line: &str, columns: usize) -> (String, usize) {
    let (mut kept, mut width, mut code, mut is_coloured) = (String::new(), 0, false, false);
    for character in line.chars() {
        match character {
            '\u{1b}' => (code, is_coloured) = (true, true),
            'm' if code => {
                code = false;
                kept.push('m');
                continue;
            }
            _ if code => {}
            _ if width == columns => {
                return (if is_coloured { kept + "\u{1b}[0m" } else { kept }, width);
            }
            _ => width += 1,
        }
        kept.push(character);
    }
    (kept, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(lines: &[&str]) -> Picture {
        Picture { lines: lines.iter().map(|line| (*line).to_owned()).collect(), taskbar: None }
    }

    /// A simulated terminal, as far as the tests need one.
    struct Terminal {
        rows: Vec<Vec<char>>,
        row: usize,
        column: usize,
        columns: usize,
    }

    impl Terminal {
        fn new(columns: usize) -> Self {
            Self { rows: vec![Vec::new()], row: 0, column: 0, columns }
        }

        fn take(&mut self, bytes: &[u8]) {
            let mut rest = std::str::from_utf8(bytes).unwrap();
            while let Some(character) = rest.chars().next() {
                if let Some(code) = rest.strip_prefix("\u{1b}[") {
                    let end = code.find(|character: char| character.is_ascii_alphabetic()).unwrap();
                    self.obey(&code[..end], &code[end..=end]);
                    rest = &code[end + 1..];
                    continue;
                }
                rest = &rest[character.len_utf8()..];
                match character {
                    '\r' => self.column = 0,
                    '\n' => self.line_end(),
                    other => self.put(other),
                }
            }
        }

        fn line_end(&mut self) {
            (self.row, self.column) = (self.row + 1, 0);
            if self.row == self.rows.len() {
                self.rows.push(Vec::new());
            }
        }

        fn put(&mut self, character: char) {
            if self.column == self.columns {
                self.line_end();
            }
            let (row, column) = (&mut self.rows[self.row], self.column);
            row.resize(row.len().max(column + 1), ' ');
            row[column] = character;
            self.column += 1;
        }

        fn obey(&mut self, parameter: &str, code: &str) {
            match code {
                "A" => self.row = self.row.saturating_sub(parameter.parse().unwrap()),
                "B" => self.row = (self.row + parameter.parse::<usize>().unwrap()).min(self.rows.len() - 1),
                "K" => self.rows[self.row].truncate(self.column),
                "h" | "l" | "m" => {}
                other => panic!("{other}"),
            }
        }

        fn shown(&self) -> Vec<String> {
            let mut rows: Vec<String> = self.rows.iter().map(|row| row.iter().collect()).collect();
            while rows.len() > self.row + 1 && rows.last().is_some_and(String::is_empty) {
                rows.pop();
            }
            rows
        }
    }

    #[test]
    fn lines_go_in_above_a_picture_that_is_drawn_in_place() {
        let (mut canvas, mut terminal) = (Canvas::default(), Terminal::new(20));
        let mut compose = |text: &str, change| {
            let bytes = canvas.compose(text.as_bytes(), change, 20);
            terminal.take(&bytes);
            terminal.shown()
        };
        assert_eq!(compose("before\n", None), ["before", ""]);
        let drawn = compose("", Some(Change::Draw(picture(&["run", "a longer row"]))));
        assert_eq!(drawn, ["before", "run", "a longer row", ""]);
        assert_eq!(compose("note\n", None), ["before", "note", "run", "a longer row", ""]);
        let drawn = compose("", Some(Change::Draw(picture(&["run 2", "row", "\u{1b}[31mtwo\u{1b}[0m"]))));
        assert_eq!(drawn, ["before", "note", "run 2", "row", "two", ""]);
        let wide = "x".repeat(30);
        let drawn = compose(&format!("{wide}\n"), Some(Change::Draw(picture(&[&wide]))));
        assert_eq!(drawn, ["before", "note", &wide[..20], &wide[20..], &wide[..19], ""]);
        assert_eq!(compose("end\n", Some(Change::TakeAway))[4..], ["end", ""]);
        assert_eq!(compose("after\n", None)[4..], ["end", "after", ""]);
    }

    #[test]
    fn what_is_there_is_not_drawn_again() {
        let mut canvas = Canvas::default();
        let mut draw = |columns| canvas.compose(b"", Some(Change::Draw(picture(&["run"]))), columns);
        assert!(!draw(80).is_empty());
        assert!(draw(80).is_empty());
        assert!(!draw(40).is_empty(), "the terminal may have broken it");
        canvas.leave();
        let again = String::from_utf8(canvas.compose(b"", None, 40)).unwrap();
        assert!(again.contains("run") && !again.contains('A'), "{again:?}");
        assert!(!canvas.compose(b"", Some(Change::TakeAway), 40).is_empty());
        assert!(canvas.compose(b"", Some(Change::TakeAway), 40).is_empty());
    }

    #[test]
    fn while_another_program_has_the_terminal_only_lines_go_out() {
        let (mut canvas, mut terminal) = (Canvas::default(), Terminal::new(20));
        let draw = |line| Some(Change::Draw(picture(&[line])));
        terminal.take(&canvas.compose(b"", draw("run 1"), 20));
        terminal.take(b"\n$ ls\nfile\n");
        assert!(canvas.stand_back(b"", draw("run 2")).is_empty());
        terminal.take(&canvas.stand_back(b"note\n", draw("run 3")));
        let before = ["run 1", "", "$ ls", "file", "note"];
        assert_eq!(terminal.shown()[..5], before);
        terminal.take(&canvas.compose(b"", None, 20));
        assert_eq!(terminal.shown()[..6], [&before[..], &["run 3"]].concat(), "it has the terminal again");
        terminal.take(&canvas.stand_back(b"end\n", Some(Change::TakeAway)));
        assert_eq!(terminal.shown()[5..], ["run 3", "end", ""], "what was drawn stays where it is");
    }

    #[test]
    fn rows_that_a_narrower_terminal_has_broken_are_counted() {
        let mut canvas = Canvas::default();
        canvas.compose(b"", Some(Change::Draw(picture(&[&"x".repeat(70), "y"]))), 80);
        let drawn = canvas.compose(b"", Some(Change::Draw(picture(&["z"]))), 30);
        assert!(String::from_utf8(drawn).unwrap().contains("\r\u{1b}[4A"), "three rows, and one");
    }

    #[test]
    fn the_taskbar_is_told_of_changes_and_left_as_it_was_found() {
        let mut canvas = Canvas::default();
        let mut draw = |line: &str, taskbar: Option<Taskbar>| {
            let picture = Picture { lines: vec![line.to_owned()], taskbar };
            String::from_utf8(canvas.compose(b"", Some(Change::Draw(picture)), 80)).unwrap()
        };
        let code = "\u{1b}]9;4;1;7\u{1b}\\";
        assert!(draw("a", Some(Taskbar::Percent(7))).contains(code));
        assert!(!draw("b", Some(Taskbar::Percent(7))).contains("]9;4"));
        assert!(draw("c", Some(Taskbar::Failing(8))).contains("]9;4;2;8\u{1b}\\"));
        let end = String::from_utf8(canvas.compose(b"", Some(Change::TakeAway), 80)).unwrap();
        assert!(end.contains(Taskbar::REMOVE), "{end:?}");
    }

    #[test]
    fn a_cut_line_keeps_its_colours_and_ends_them() {
        assert_eq!(cut("\u{1b}[31mfailed\u{1b}[0m x", 4), ("\u{1b}[31mfail\u{1b}[0m".to_owned(), 4));
        assert_eq!(cut("plain", 9), ("plain".to_owned(), 5));
        assert_eq!(cut("mmm", 2), ("mm".to_owned(), 2));
    }
}
