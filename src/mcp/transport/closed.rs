//! Whether anybody can still read what is written to standard output.

/// Ends when the reader of standard output is gone. Its input may be held open by another process, which goes on asking
/// for things whose answers nobody would read.
#[cfg(target_os = "linux")]
pub(crate) async fn output_closed() {
    use std::os::fd::AsFd as _;

    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;

    let output = std::io::stdout().as_fd().try_clone_to_owned();
    // Unchecked, so that a socket is watched too, and stays as blocking as it is. Nobody hangs up on a regular file.
    if let Ok(output) = output.and_then(Sender::from_owned_fd_unchecked) {
        // Of what is only written to, nothing but an error or a hang-up counts as one of these. To be writable does not.
        let gone = Interest::ERROR | Interest::PRIORITY;
        if output.ready(gone).await.is_ok() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Elsewhere it shows when something is written.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn output_closed() {
    std::future::pending::<()>().await;
}
