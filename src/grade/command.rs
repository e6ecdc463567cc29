//! `command`: a program of the user's.
//!
//! It reads a JSON line for each completion on standard input and writes a line with its score for each. It sees no
//! environment, has a directory of its own that goes with it, and is ended with all that it started.

mod group;

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use group::end_all;
use group::{Group, Pipes};

use super::commands::{Commands, Program};
use super::kind;
use super::{Failure, Grade, Score, Subject, short};
use crate::error::problems::{Path, Problems, counted};
use crate::json;

/// How long it may take to end once it has answered.
const GRACE: Duration = Duration::from_millis(200);
/// The longest line that it may write, in bytes.
const LONGEST_LINE: u64 = 64 << 10;
/// How much of what it says on standard error is looked at, the last of it.
const LONGEST_WORDS: usize = 4 << 10;

#[derive(Deserialize, JsonSchema)]
pub(super) struct Members {
    /// Which of the commands that the user lists.
    name: String,
}

struct Ready {
    name: String,
    /// `None`: it is not to be run.
    program: Option<Program>,
}

/// What it reads of a completion.
#[derive(Serialize)]
struct Asked<'a> {
    text: &'a str,
    tokens: Option<usize>,
    stop_reason: Option<&'a str>,
    row: &'a Map<String, Value>,
}

/// What it writes.
#[derive(Deserialize)]
struct Answered {
    score: f64,
    why: Option<String>,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, commands: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        match commands.find(&self.name) {
            Ok(program) => Some(Box::new(Ready {
                name: self.name,
                program,
            })),
            Err(problem) => {
                problems.add(&path.key("name"), problem);
                None
            }
        }
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let score = self.score_all(std::slice::from_ref(subject)).pop();
        score.unwrap_or_else(|| Err(self.failed("has no answer")))
    }

    fn score_all(&self, subjects: &[Subject<'_>]) -> Vec<Result<Score, Failure>> {
        match self.run(subjects) {
            Ok(scores) => scores.into_iter().map(Ok).collect(),
            Err(problem) => subjects.iter().map(|_| Err(self.failed(&problem))).collect(),
        }
    }
}

impl Ready {
    fn failed(&self, problem: &str) -> Failure {
        Failure::Grader(format!("command {} {problem}", self.name))
    }

    fn run(&self, subjects: &[Subject<'_>]) -> Result<Vec<Score>, String> {
        let mut input = String::new();
        for subject in subjects {
            let asked = Asked {
                text: subject.text,
                tokens: subject.tokens,
                stop_reason: subject.stop_reason,
                row: subject.row,
            };
            input.push_str(&json::text(&asked).map_err(|error| error.to_string())?);
            input.push('\n');
        }
        let mut running = Running::start(self.program.as_ref(), input)?;
        let mut scores = Vec::with_capacity(subjects.len());
        while scores.len() < subjects.len() {
            let line = running.line(scores.len(), subjects.len())?;
            let answered: Answered = serde_json::from_str(&line).map_err(|error| {
                format!(
                    "wrote a line {} that is no {{\"score\": 0.5}}: {} ({error})",
                    scores.len() + 1,
                    short(&line)
                )
            })?;
            if !answered.score.is_finite() {
                return Err(format!(
                    "gave completion {} a score that is no number",
                    scores.len()
                ));
            }
            let why = answered.why.map(|why| short(&why));
            scores.push(Score::new(
                answered.score,
                why.unwrap_or_else(|| format!("by command {}", self.name)),
            ));
        }
        if running.says_more() {
            return Err(format!(
                "wrote more lines than the {} that it was asked for",
                subjects.len()
            ));
        }
        Ok(scores)
    }
}

/// A process, which ends with this.
struct Running {
    _group: Group,
    lines: Receiver<io::Result<String>>,
    words: Receiver<String>,
    began: Instant,
    deadline: Instant,
    _directory: tempfile::TempDir,
}

impl Running {
    fn start(program: Option<&Program>, input: String) -> Result<Self, String> {
        let program = program.ok_or("is not to be run")?;
        // It may have been replaced since it was looked up.
        program.is_safe()?;
        let (path, arguments) = program.words.split_first().ok_or("has no program")?;
        let directory =
            tempfile::tempdir().map_err(|error| format!("has no directory to work in: {error}"))?;
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env_clear()
            .envs(environment(directory.path()))
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (group, pipes) = Group::start(command).map_err(|error| format!("cannot be started: {error}"))?;
        let Pipes {
            stdin,
            stdout,
            stderr,
        } = pipes;
        // Each pipe has a thread of its own, which nobody waits for: who holds the other end is not known.
        if let Some(mut stdin) = stdin {
            thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        }
        let (line, lines) = sync_channel(64);
        if let Some(stdout) = stdout {
            thread::spawn(move || {
                let mut stdout = BufReader::new(stdout);
                loop {
                    let read = read_line(&mut stdout);
                    let is_end = !matches!(&read, Ok(Some(_)));
                    if let Some(read) = read.transpose()
                        && line.send(read).is_err()
                    {
                        return;
                    }
                    if is_end {
                        return;
                    }
                }
            });
        }
        let (word, words) = sync_channel(1);
        if let Some(stderr) = stderr {
            thread::spawn(move || {
                // Its end: a trace has the reason there.
                let (mut end, mut piece, mut stderr) = (Vec::new(), [0; 4096], stderr);
                while let Ok(read @ 1..) = stderr.read(&mut piece) {
                    end.extend_from_slice(piece.get(..read).unwrap_or_default());
                    let more = end.len().saturating_sub(LONGEST_WORDS);
                    end.drain(..more);
                }
                let _ = word.send(String::from_utf8_lossy(&end).into_owned());
            });
        }
        Ok(Self {
            _group: group,
            lines,
            words,
            began: Instant::now(),
            deadline: program.deadline,
            _directory: directory,
        })
    }

    /// Whether it writes another line: then nobody knows which belongs to which completion.
    fn says_more(&mut self) -> bool {
        self.lines.recv_timeout(GRACE).is_ok()
    }

    /// The next line that it writes.
    fn line(&mut self, had: usize, wanted: usize) -> Result<String, String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => line.map_err(|error| format!("wrote what cannot be read: {error}")),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "had no more time after {} s and was ended after {}",
                self.began.elapsed().as_secs(),
                counted(had, "score")
            )),
            Err(RecvTimeoutError::Disconnected) => {
                let words = self
                    .words
                    .recv_timeout(Duration::from_millis(500))
                    .unwrap_or_default();
                let last = words.trim().lines().last().unwrap_or_default();
                let said = if last.is_empty() {
                    String::new()
                } else {
                    format!(": {}", short(last))
                };
                Err(format!("ended after {} of {wanted}{said}", counted(had, "score")))
            }
        }
    }
}

/// A line without its end; `None` at the end of it all.
fn read_line(from: &mut impl io::BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = from.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && u64::try_from(read).is_ok_and(|read| read == LONGEST_LINE) {
        return Err(io::Error::other("a line of over 64 kB"));
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| io::Error::other("bytes that are no UTF-8"))
}

/// What a program needs to run at all, and nothing of this server's.
fn environment(directory: &std::path::Path) -> Vec<(&'static str, String)> {
    let own = directory.display().to_string();
    let mut environment = vec![("HOME", own.clone()), ("TMPDIR", own.clone())];
    if cfg!(windows) {
        let of_system = ["SystemRoot", "PATH"];
        let given = of_system
            .into_iter()
            .filter_map(|name| Some((name, std::env::var(name).ok()?)));
        environment.extend(given);
        environment.extend([("TEMP", own.clone()), ("TMP", own)]);
    } else {
        environment.push(("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()));
        environment.push(("LANG", "C.UTF-8".to_owned()));
    }
    environment
}
