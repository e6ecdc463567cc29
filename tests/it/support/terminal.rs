//! A command as a person sees it: in a terminal of a certain size.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::PATIENCE;

pub struct Terminal {
    columns: u16,
    rows: u16,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

/// What was written to a terminal.
pub struct Written {
    pub code: Option<i32>,
    bytes: Vec<u8>,
    columns: u16,
    rows: u16,
}

impl Terminal {
    pub fn start(mut command: Command, (columns, rows): (u16, u16)) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let theirs = || Stdio::from(OpenOptions::new().read(true).write(true).open(path).unwrap());
        let child = command
            .env("TERM", "xterm")
            .stdin(theirs())
            .stdout(theirs())
            .stderr(theirs())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // It holds their side open, and the end of it is the end of what there is to read.
        drop(command);
        let written = Arc::new(Mutex::new(Vec::new()));
        let target = written.clone();
        let mut ours = File::from(ours);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = ours.read(&mut buffer) {
                target.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            columns,
            rows,
            child,
            written,
            reader,
        }
    }

    /// Waits until the screen shows these words.
    pub async fn shows(&self, words: &str) {
        let shown = || screen(&self.written.lock().unwrap(), self.columns, self.rows).contents();
        let there = async {
            while !shown().contains(words) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let found = timeout(PATIENCE, there).await;
        assert!(found.is_ok(), "{words}: {}", shown());
    }

    /// What Ctrl-C does.
    pub async fn interrupt(&self) {
        let id = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(killed.unwrap().success());
    }

    /// Waits for the end.
    pub async fn ended(mut self) -> Written {
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .expect("the process ends");
        let code = status.unwrap().code();
        self.reader.join().unwrap();
        Written {
            code,
            bytes: std::mem::take(&mut self.written.lock().unwrap()),
            columns: self.columns,
            rows: self.rows,
        }
    }
}

impl Written {
    /// All of it, control sequences included.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// What is on the screen once a shell has written its prompt.
    pub fn last_screen(&self) -> String {
        let whole = [&self.bytes, b"$ ".as_slice()].concat();
        screen(&whole, self.columns, self.rows).contents()
    }

    /// All lines that stayed, on a screen that is high enough for them.
    pub fn lines(&self) -> Vec<String> {
        let screen = screen(&self.bytes, self.columns, 500);
        screen
            .rows(0, self.columns)
            .map(|row| row.trim_end().to_owned())
            .collect()
    }

    /// The lines that the terminal had to break, as they were too long for it.
    pub fn broken(&self) -> Vec<String> {
        let screen = screen(&self.bytes, self.columns, 500);
        let rows = (0..).zip(screen.rows(0, self.columns));
        rows.filter(|(number, _)| screen.row_wrapped(*number))
            .map(|(_, row)| row)
            .collect()
    }
}

fn screen(bytes: &[u8], columns: u16, rows: u16) -> vt100::Screen {
    let [rows, columns] = [rows, columns].map(|size| NonZero::new(size).unwrap());
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(bytes);
    parser.screen().clone()
}
