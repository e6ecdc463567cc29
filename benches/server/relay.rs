//! A relay in front of a service that counts what goes through: requests, and the bytes of both directions.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use memchr::memmem;

use crate::Result;

/// Ends the first line of a request, and stands nowhere else: JSON text holds no line breaks.
const REQUEST: &[u8] = b" HTTP/1.1\r\n";
const BUFFER: usize = 64 << 10;

/// What went through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

impl Traffic {
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            bytes: self.bytes - before.bytes,
        }
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
    }
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// The running relay. Its threads end with the process.
pub(crate) struct Relay {
    address: SocketAddr,
    counters: Arc<Counters>,
}

impl Relay {
    pub(crate) fn start(service: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let counters = Arc::<Counters>::default();
        let counting = counters.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Who cannot be served is cut off, and its call fails.
                let _ = connect(client, service, &counting);
            }
        });
        Ok(Self { address, counters })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.counters.requests.load(Ordering::SeqCst),
            bytes: self.counters.bytes.load(Ordering::SeqCst),
        }
    }
}

fn connect(client: TcpStream, service: SocketAddr, counters: &Arc<Counters>) -> std::io::Result<()> {
    let service = TcpStream::connect(service)?;
    for stream in [&client, &service] {
        stream.set_nodelay(true)?;
    }
    let (from_client, from_service) = (client.try_clone()?, service.try_clone()?);
    let (asking, answering) = (counters.clone(), counters.clone());
    thread::spawn(move || copy(from_client, service, &asking));
    thread::spawn(move || copy(from_service, client, &answering));
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, counters: &Counters) {
    let mut buffer = vec![0; BUFFER];
    let mut tail = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        tail.extend_from_slice(bytes);
        let requests = memmem::find_iter(&tail, REQUEST).count();
        let kept = tail.len().min(REQUEST.len() - 1);
        tail.drain(..tail.len() - kept);
        // What is counted is counted before the answer can be there.
        counters.bytes.fetch_add(count as u64, Ordering::SeqCst);
        counters.requests.fetch_add(requests as u64, Ordering::SeqCst);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
