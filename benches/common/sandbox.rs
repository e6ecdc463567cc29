//! The sandbox's services, for what is measured against them.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The services alone, in a process that ends with this value.
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sandbox {
    /// Starts them so many times faster than the real ones.
    pub(crate) fn start(binary: &Path, speed: u32) -> io::Result<Self> {
        let mut process = Command::new(binary)
            .args(["sandbox", "--sandbox-speed", &speed.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take();
        let mut variables = output
            .into_iter()
            .flat_map(|output| BufReader::new(output).lines().map_while(io::Result::ok));
        let mut variable = |name: &str| {
            let begin = format!("export {name}=");
            let found = variables.find_map(|line| line.strip_prefix(&begin).map(str::to_owned));
            found.ok_or_else(|| io::Error::other(format!("the sandbox does not say {name}")))
        };
        let url = variable("TOGETHER_BASE_URL")?;
        let key = variable("TOGETHER_API_KEY")?;
        Ok(Self { process, url, key })
    }
}
