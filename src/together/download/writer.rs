//! From the network to the disk: a thread of its own writes what comes, so that neither waits for the other.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pieces that may wait for the disk; one has up to 400 KB.
pub(super) const WAITING: usize = 4;

/// Writes each piece as it comes, so that a crash costs hardly anything, and counts the bytes. Blocks.
///
/// There is no fsync: it takes longer than a download from nearby. What a power failure keeps from the disk makes a file
/// shorter on the file systems in use, and lengths are checked.
pub(super) fn write(
    mut file: File,
    mut pieces: mpsc::Receiver<Bytes>,
    written: &AtomicU64,
) -> io::Result<()> {
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
        written.fetch_add(u64::try_from(piece.len()).unwrap_or_default(), Ordering::Relaxed);
    }
    Ok(())
}
