//! Local files that a tool may read: none, except under the directories that the user named.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The directories under which files may be read.
#[derive(Clone, Debug, Default)]
pub struct Files {
    directories: Vec<PathBuf>,
}

impl Files {
    /// Allows these directories, given as absolute paths.
    #[must_use]
    pub const fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// The directories.
    #[must_use]
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Reads a text file of at most `most` bytes: an absolute path, or one inside of an allowed directory. Links count
    /// as what they point to. An error says what is wrong and what the user can do.
    pub async fn read(&self, path: &str, most: u64) -> Result<String, String> {
        let (files, path) = (self.clone(), path.to_owned());
        // A file on a network drive must not hold up the other calls.
        tokio::task::spawn_blocking(move || files.read_blocking(&path, most))
            .await
            .unwrap_or_else(|_| Err("reading the file failed".to_owned()))
    }

    fn read_blocking(&self, path: &str, most: u64) -> Result<String, String> {
        let allowed = self.find(Path::new(path))?;
        let text = || -> io::Result<String> {
            if !allowed.metadata()?.is_file() {
                return Err(io::Error::other("it is no file"));
            }
            let mut bytes = Vec::new();
            File::open(&allowed)?.take(most + 1).read_to_end(&mut bytes)?;
            if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
                return Err(io::Error::other(format!("it is larger than {most} bytes")));
            }
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8 text"))
        };
        text().map_err(|error| format!("the file cannot be read: {error}"))
    }

    /// The file itself, links resolved.
    fn find(&self, path: &Path) -> Result<PathBuf, String> {
        if self.directories.is_empty() {
            return Err("this server may read no files: the user can allow directories in the variable RL_MCP_FILE_DIRS (in the host's mcp.json, under \"env\"; then restart the server)".to_owned());
        }
        let mut found = self
            .directories
            .iter()
            .filter_map(|directory| directory.join(path).canonicalize().ok());
        if let Some(real) = found.find(|real| self.contains(real)) {
            return Ok(real);
        }
        // Whether a file exists elsewhere is nobody's business.
        let named = self
            .directories
            .iter()
            .map(|directory| directory.display().to_string());
        Err(format!(
            "there is no such file under the directories that RL_MCP_FILE_DIRS allows: {}",
            named.collect::<Vec<_>>().join(", ")
        ))
    }

    fn contains(&self, real: &Path) -> bool {
        let mut directories = self
            .directories
            .iter()
            .filter_map(|directory| directory.canonicalize().ok());
        directories.any(|directory| real.starts_with(directory))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_lies_under_an_allowed_directory_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (inside, outside) = (root.path().join("in"), root.path().join("out"));
        for directory in [&inside, &outside] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("run.toml"), "a = 1").unwrap();
        }
        std::fs::write(root.path().join("in.toml"), "a = 1").unwrap();
        symlink(outside.join("run.toml"), inside.join("link.toml")).unwrap();
        symlink(&outside, inside.join("linked")).unwrap();
        let files = Files::new(vec![inside.clone()]);
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        for good in [
            "run.toml".to_owned(),
            path(inside.join("run.toml")),
            path(outside.join("../in/run.toml")),
        ] {
            assert_eq!(files.read_blocking(&good, 100).as_deref(), Ok("a = 1"), "{good}");
        }
        for bad in [
            "../out/run.toml".to_owned(),
            "link.toml".to_owned(),
            "linked/run.toml".to_owned(),
            path(outside.join("run.toml")),
            path(root.path().join("in.toml")),
            "/etc/hostname".to_owned(),
            "none.toml".to_owned(),
        ] {
            let problem = files.read_blocking(&bad, 100).unwrap_err();
            assert!(
                problem.starts_with("there is no such file under"),
                "{bad}: {problem}"
            );
        }
        assert!(
            files
                .read_blocking("run.toml", 4)
                .unwrap_err()
                .contains("larger than 4 bytes")
        );
        assert!(files.read_blocking("", 4).unwrap_err().contains("it is no file"));
        let none = Files::default().read_blocking("run.toml", 4).unwrap_err();
        assert!(none.contains("RL_MCP_FILE_DIRS"), "{none}");
    }
}
