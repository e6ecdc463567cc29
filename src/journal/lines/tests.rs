use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

type Order = io::Result<()>;

/// A disk that does as it is told.
struct Disk {
    lines: Arc<Lines>,
    orders: Sender<Order>,
    written: Receiver<String>,
    append: Mutex<Option<(Receiver<Order>, Sender<String>)>>,
}

impl Disk {
    fn new() -> Self {
        let (orders, taken) = channel();
        let (done, written) = channel();
        Self {
            lines: Lines::new(),
            orders,
            written,
            append: Mutex::new(Some((taken, done))),
        }
    }

    fn push(&self, text: &str) {
        let line = Line {
            month: "2026-11".to_owned(),
            text: text.to_owned(),
        };
        self.lines.push(line, || {
            let (taken, done) = self.append.lock().unwrap().take().unwrap();
            move |line: &Line| {
                taken.recv().unwrap_or(Ok(()))?;
                let _ = done.send(line.text.clone());
                Ok(())
            }
        });
    }

    fn works(&self, times: usize) {
        (0..times).for_each(|_| self.orders.send(Ok(())).unwrap());
    }

    fn fails(&self) {
        self.orders.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    }

    fn unwritten(&self) -> Vec<String> {
        self.lines.unwritten().lines
    }
}

#[tokio::test]
async fn what_fails_stays_and_is_written_first_once_the_disk_works() {
    let disk = Disk::new();
    disk.works(1);
    disk.push("1");
    assert_eq!(disk.lines.settled().await, None);
    for text in ["2", "3"] {
        disk.fails();
        disk.push(text);
        assert!(disk.lines.settled().await.unwrap().contains("no storage space"));
    }
    assert_eq!(disk.unwritten(), ["2", "3"]);
    disk.works(3);
    disk.push("4");
    assert_eq!(disk.lines.settled().await, None);
    assert_eq!(disk.unwritten(), Vec::<String>::new());
    disk.lines.end();
    disk.lines.close();
    assert_eq!(disk.written.try_iter().collect::<Vec<_>>(), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn the_end_tries_once_more_and_then_waits_no_longer() {
    let disk = Disk::new();
    disk.fails();
    disk.push("1");
    disk.lines.settled().await;
    disk.fails();
    disk.lines.end();
    assert_eq!(disk.unwritten(), ["1"]);
    disk.works(1);
    disk.lines.end();
    assert_eq!(disk.unwritten(), Vec::<String>::new());
    // It hangs.
    disk.push("2");
    disk.lines.end();
    assert_eq!(disk.unwritten(), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_disk_that_is_known_to_hang() {
    let disk = Disk::new();
    disk.push("1");
    assert_eq!(disk.lines.settled().await.unwrap(), "the disk takes too long");
    let began = Instant::now();
    for text in ["2", "3"] {
        disk.push(text);
        assert_eq!(disk.lines.settled().await.unwrap(), "the disk takes too long");
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(disk.unwritten(), ["1", "2", "3"]);
    tokio::time::resume();
    disk.works(3);
    (0..3).for_each(|_| drop(disk.written.recv().unwrap()));
    disk.works(1);
    disk.push("4");
    assert_eq!(disk.lines.settled().await, None);
}

#[tokio::test]
async fn not_all_of_it_is_kept_when_nothing_can_be_written() {
    let disk = Disk::new();
    for number in 0..MOST + 5 {
        disk.push(&number.to_string());
    }
    let unwritten = disk.lines.unwritten();
    assert_eq!((unwritten.lines.len(), unwritten.lost), (MOST, 5));
    assert_eq!(unwritten.lines[0], "5");
    // The one that was under way meanwhile is not taken for another.
    disk.works(MOST + 1);
    while !disk.unwritten().is_empty() {
        disk.lines.settled().await;
    }
    let mut written: Vec<String> = disk.written.try_iter().collect();
    let kept = written.split_off(written.len() - MOST);
    assert_eq!(kept, unwritten.lines);
}
