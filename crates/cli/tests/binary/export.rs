//! What `export` does with a target that is no plain file.

use std::{fs, io::Read, os::unix::fs::symlink, process::Command};

use crate::{
    recorded,
    shell::Shell,
    wire::{Venue, capture},
};

#[test]
fn a_link_stays_and_what_it_points_to_is_written() {
    let shell = recorded();
    shell.run(&["export", "KXA-1", "plain.csv"]).code(0);
    let plain = fs::read(shell.path().join("plain.csv")).unwrap();
    assert!(plain.starts_with(b"ticker,ts,"));
    fs::create_dir(shell.path().join("elsewhere")).unwrap();
    shell.file("elsewhere/old.csv", b"old");
    for (link, to) in [("old.csv", "elsewhere/old.csv"), ("new.csv", "elsewhere/new.csv"), ("twice.csv", "new.csv")] {
        symlink(to, shell.path().join(link)).unwrap();
        shell.run(&["export", "KXA-1", link]).code(0);
        assert!(fs::symlink_metadata(shell.path().join(link)).unwrap().is_symlink(), "{link}");
        assert_eq!(fs::read(shell.path().join(to)).unwrap(), plain, "{link}");
        fs::write(shell.path().join(to), b"").unwrap();
    }
    symlink("circle.csv", shell.path().join("circle.csv")).unwrap();
    shell.run(&["export", "KXA-1", "circle.csv"]).failed(1);
    let left = fs::read_dir(shell.path()).unwrap().chain(fs::read_dir(shell.path().join("elsewhere")).unwrap());
    assert!(!left.map(|entry| entry.unwrap().file_name()).any(|name| name.to_string_lossy().contains("partial")));
}

#[test]
fn a_device_is_written_to_and_its_errors_are_told() {
    let shell = recorded();
    // Through a link, so that a test that fails does no harm to the device.
    symlink("/dev/full", shell.path().join("full.csv")).unwrap();
    let said = shell.run(&["export", "KXA-1", "full.csv"]).failed(1);
    assert!(said.contains("full.csv") || said.contains("No space left"), "{said}");
    assert!(fs::symlink_metadata(shell.path().join("full.csv")).unwrap().is_symlink());
    shell.run(&["export", "KXA-1", "data", "--format", "csv"]).failed(1);
}

#[test]
fn a_pipe_carries_the_rows() {
    let mut venue = Venue::new(54);
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&venue.recording(1, &["KXA-1", "KXB-1"], 4_000)));
    shell.run(&["import", "capture.ndjson"]).code(0);
    shell.run(&["export", "KXA-1", "plain.csv"]).code(0);
    let pipe = shell.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    shell.run(&["export", "KXA-1", "pipe.csv"]).code(0);
    assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    let plain = fs::read(shell.path().join("plain.csv")).unwrap();
    assert_eq!(reader.join().unwrap(), plain);
    // More than the pipe holds by itself.
    assert!(plain.len() > 100_000, "{}", plain.len());
    let reader = std::thread::spawn(move || fs::File::open(pipe).unwrap().read_exact(&mut [0]).unwrap());
    let said = shell.run(&["export", "KXA-1", "pipe.csv"]).failed(1);
    assert!(said.contains("its reader went away"), "{said}");
    reader.join().unwrap();
}
