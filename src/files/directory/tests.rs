use super::*;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};

#[test]
fn no_way_leads_out() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "secret").unwrap();
    symlink(outside.path(), place.path().join("link")).unwrap();
    symlink(outside.path().join("a"), place.path().join("a")).unwrap();
    symlink(outside.path().join("new"), place.path().join("dangling")).unwrap();
    for how in [
        Open::Read,
        Open::Append,
        Open::AppendOrNew,
        Open::Restart,
        Open::New,
        Open::Both,
    ] {
        for name in [
            "a",
            "dangling",
            "../a",
            "link/a",
            "/etc/hostname",
            "..",
            ".",
            "",
            "link/",
            "link",
        ] {
            assert!(directory.file(name, how).is_err(), "{name} {how:?}");
        }
    }
    for rest in ["link", "link/b", "../b", "/tmp", "a"] {
        let again = || Directory::open(place.path()).unwrap();
        assert!(again().make(Path::new(rest)).is_err(), "{rest}");
        assert!(again().walk(Path::new(rest)).is_err(), "{rest}");
    }
    assert_eq!(fs::read(outside.path().join("a")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn an_open_directory_stays_the_same_wherever_its_name_leads() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let inner = directory.make(Path::new("a/b")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::rename(place.path().join("a"), place.path().join("moved")).unwrap();
    symlink(outside.path(), place.path().join("a")).unwrap();
    inner.file("c", Open::New).unwrap().write_all(b"1").unwrap();
    inner.rename_new("c", "d").unwrap();
    assert_eq!(
        inner.rename_new("none", "e").unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    inner.file("c", Open::New).unwrap();
    assert_eq!(
        inner.rename_new("c", "d").unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    inner.remove("c").unwrap();
    assert_eq!(inner.names().unwrap(), ["d"]);
    assert_eq!(fs::read(place.path().join("moved/b/d")).unwrap(), b"1");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let mode = |path: &str| {
        fs::metadata(place.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (mode("moved"), mode("moved/b"), mode("moved/b/d")),
        (0o700, 0o700, 0o600)
    );
}

#[test]
fn only_regular_files_are_opened_and_nothing_waits() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    fs::create_dir(place.path().join("directory")).unwrap();
    let pipe = place.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for name in ["directory", "pipe"] {
        for how in [Open::Read, Open::AppendOrNew, Open::Both] {
            assert!(directory.file(name, how).is_err(), "{name} {how:?}");
        }
    }
    let mut file = directory.file("file", Open::Both).unwrap();
    file.write_all(b"123").unwrap();
    assert!(directory.is_at("file", &file) && !directory.is_at("pipe", &file));
    let entry = |name: &str| directory.look(name).unwrap();
    assert_eq!(entry("none"), None);
    assert_eq!(entry("pipe").unwrap().kind, Kind::Other);
    assert_eq!(entry("directory").unwrap().kind, Kind::Directory);
    assert_eq!(
        (entry("file").unwrap().kind, entry("file").unwrap().bytes),
        (Kind::File, 3)
    );
    assert!(entry("file").unwrap().modified.elapsed().unwrap().as_secs() < 60);
    let mut text = String::new();
    directory
        .file("file", Open::Read)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "123");
    assert!(directory.free().unwrap() > 0);
}
