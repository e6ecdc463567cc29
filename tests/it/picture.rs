//! `docs/demo.svg`, the picture of the demo in the README. It is drawn from what the demo writes to a terminal, which
//! stands in it as its description; `INSTA_UPDATE=always cargo test --test it picture` runs the demo and draws it anew.

use std::fmt::Write as _;
use std::fs;

use tokio::process::Command;

use crate::support::Terminal;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/demo.svg");
const TYPED: &str = "$ rl-mcp demo";

/// The size of a character, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// Around the text.
const MARGIN: (f64, f64) = (20.0, 46.0);
/// Of the terminal.
const COLUMNS: u16 = 80;

/// No web font, as none is fetched for a picture; each piece of text is told its length, whatever font there is. The
/// window has a background of its own, so that it can be read on any page.
const STYLE: &str = "\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328;white-space:pre}
.w{fill:#fff;stroke:#d0d7de}.o{fill:#d0d7de}.a{stroke:#8c959f;fill:none}.b{stroke:#8c959f;fill:none;stroke-dasharray:2 3}.c{fill:#1a7f37}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.w{fill:#0d1117;stroke:#30363d}.o{fill:#30363d}.a,.b{stroke:#6e7681}.c{fill:#3fb950}}
";

/// What stays in a terminal of 24 lines, after what was typed and what the demo says first.
async fn written(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_RETRY_WAIT", "0.001")
        .args(["demo", "--sandbox-speed", "2000"])
        .args(arguments);
    let written = Terminal::start(command, (COLUMNS, 24)).ended().await;
    assert_eq!(written.code, Some(0), "{}", written.text());
    let mut all = written.lines();
    while all.last().is_some_and(String::is_empty) {
        all.pop();
    }
    let from = all
        .iter()
        .position(|line| line.starts_with("Mean reward by step"));
    let learned = all.split_off(from.unwrap());
    let first = all.into_iter().take_while(|line| !line.is_empty());
    let cut = [String::new(), "...".to_owned(), String::new()];
    [TYPED.to_owned()]
        .into_iter()
        .chain(first)
        .chain(cut)
        .chain(learned)
        .collect()
}

/// Shapes of one kind.
#[derive(Default)]
struct Shapes {
    text: String,
    axis: String,
    dashes: String,
    curve: String,
}

fn drawn(lines: &[String]) -> String {
    let mut shapes = Shapes::default();
    for (row, line) in (0u16..).zip(lines) {
        draw(line, MARGIN.1 + f64::from(row) * CELL.1, &mut shapes);
    }
    let width = 2.0 * MARGIN.0 + f64::from(COLUMNS) * CELL.0;
    let rows = u16::try_from(lines.len()).unwrap();
    let height = MARGIN.1 + f64::from(rows) * CELL.1 + 16.0;
    let (right, below) = (width - 1.0, height - 1.0);
    let description = escaped(&lines.join("\n"));
    let Shapes {
        text,
        axis,
        dashes,
        curve,
    } = shapes;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>rl-mcp demo in a terminal</title>
<desc>
{description}
</desc>
<style>
{STYLE}</style>
<rect class="w" x=".5" y=".5" width="{right}" height="{below}" rx="8"/>
<circle class="o" cx="22" cy="20" r="6"/><circle class="o" cx="42" cy="20" r="6"/><circle class="o" cx="62" cy="20" r="6"/>
<path class="b" d="{dashes}"/>
<path class="a" d="{axis}"/>
<path class="c" d="{curve}"/>
{text}</svg>
"#
    )
}

/// Draws a line of which `top` is the upper edge. Only letters are left to fonts: what lines and dots look like, and how
/// wide they are, differs too much between them.
fn draw(line: &str, top: f64, shapes: &mut Shapes) {
    let (width, height) = CELL;
    let left = |column: u16| MARGIN.0 + f64::from(column) * width;
    let mut pieces: Vec<(u16, String)> = Vec::new();
    for (column, character) in (0u16..).zip(line.chars()) {
        let (x, y) = (left(column), top);
        let (center, middle) = (x + width / 2.0, y + height / 2.0);
        let _ = match character {
            '│' => write!(shapes.axis, "M{center:.1} {y:.1}v{height}"),
            '┤' => write!(
                shapes.axis,
                "M{center:.1} {y:.1}v{height}M{x:.1} {middle:.1}H{center:.1}"
            ),
            '└' => write!(shapes.axis, "M{center:.1} {y:.1}V{middle:.1}h{:.1}", width / 2.0),
            '─' => write!(shapes.axis, "M{x:.1} {middle:.1}h{width}"),
            '┈' => write!(shapes.dashes, "M{x:.1} {middle:.1}h{width}"),
            '\u{2800}'..='\u{28ff}' => {
                dots(character, (x, y), &mut shapes.curve);
                Ok(())
            }
            ' ' => Ok(()),
            other => {
                // One space is part of a piece, more are not.
                match pieces.last_mut() {
                    Some((start, piece)) if usize::from(column - *start) <= piece.chars().count() + 1 => {
                        if usize::from(column - *start) > piece.chars().count() {
                            piece.push(' ');
                        }
                        piece.push(other);
                    }
                    _ => pieces.push((column, other.to_string())),
                }
                Ok(())
            }
        };
    }
    for (column, piece) in pieces {
        let _ = writeln!(
            shapes.text,
            r#"<text x="{:.1}" y="{:.1}" textLength="{:.1}">{}</text>"#,
            left(column),
            top + 13.5,
            f64::from(u16::try_from(piece.chars().count()).unwrap()) * width,
            escaped(&piece)
        );
    }
}

/// The dots of a braille character: two columns of four. The lowest six bits are the upper three rows, column by column.
fn dots(character: char, (x, y): (f64, f64), curve: &mut String) {
    const PLACES: [(f64, f64); 8] = [
        (0.0, 0.0),
        (0.0, 1.0),
        (0.0, 2.0),
        (1.0, 0.0),
        (1.0, 1.0),
        (1.0, 2.0),
        (0.0, 3.0),
        (1.0, 3.0),
    ];
    let bits = u32::from(character) - 0x2800;
    for (bit, (column, row)) in PLACES.iter().enumerate() {
        if bits & (1 << bit) != 0 {
            let (x, y) = (
                x + (column + 0.5) * CELL.0 / 2.0 - 1.5,
                y + (row + 0.5) * CELL.1 / 4.0 - 1.5,
            );
            let _ = write!(curve, "M{x:.1} {y:.1}h3v3h-3z");
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
}

/// What every run on any machine has in common: how each line begins, without the curve.
fn beginnings(lines: &[String]) -> Vec<String> {
    let plain = |character: char| if character.is_ascii() { character } else { ' ' };
    let begin = |line: &String| line.chars().take(9).map(plain).collect::<String>();
    lines
        .iter()
        .map(|line| begin(line).trim_end().to_owned())
        .collect()
}

#[tokio::test]
async fn the_picture_shows_what_the_demo_writes() {
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(PICTURE, drawn(&written(&[]).await)).unwrap();
    }
    let picture = fs::read_to_string(PICTURE).unwrap();
    let (_, rest) = picture.split_once("<desc>\n").unwrap();
    let (description, _) = rest.split_once("\n</desc>").unwrap();
    let shown: Vec<String> = unescaped(description).lines().map(str::to_owned).collect();
    let behind = "docs/demo.svg is behind the code: INSTA_UPDATE=always cargo test --test it picture";
    assert!(drawn(&shown) == picture, "{behind}");
    // Enough steps to learn, so that the report has the same lines.
    let now = written(&["--steps", "24", "--seed", "3"]).await;
    assert_eq!(beginnings(&shown), beginnings(&now), "{behind}");
    assert!(picture.len() < 40_000, "{}", picture.len());
}
