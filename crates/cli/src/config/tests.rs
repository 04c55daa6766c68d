use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn inputs(&self, files: &[PathBuf]) -> Inputs {
        Inputs { files: files.to_vec(), ..Inputs::default() }
    }
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The messages, with the folder left out of them.
fn problems(folder: &Folder, inputs: &Inputs) -> String {
    let problems = Config::load(inputs).unwrap_err();
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n").replace(&format!("{}/", folder.0.path().display()), "")
}

#[test]
fn each_layer_is_stronger_than_the_one_before() {
    let folder = Folder::new();
    let user = folder.file(
        "user.toml",
        "archive = \"user\"\nwal = \"user-wal\"\nformat = \"csv\"\n[kalshi]\ntimeout_seconds = 10\n",
    );
    let work = folder.file(
        "work.toml",
        "wal = \"work-wal\"\n[profiles.dev]\nformat = \"json\"\n[profiles.dev.kalshi]\nenv = \"demo\"\nkey_id = \"k\"\n",
    );
    let dotenv =
        folder.file(".env", "KALSHI_API_KEY_ID=from-dotenv\nKALSHI_ENV=prod\nDAYBOOK_KALSHI_TIMEOUT_SECONDS=20\n");
    let inputs = Inputs {
        dotenv: Some(dotenv),
        environment: environment(&[("DAYBOOK_KALSHI_TIMEOUT_SECONDS", "25"), ("DAYBOOK_ARCHIVE", "")]),
        set: vec!["account.store=a.sqlite".to_owned()],
        flags: vec![("format", "--format", "ndjson".to_owned())],
        profile: Some("dev".to_owned()),
        ..folder.inputs(&[user, work])
    };
    let config = Config::load(&inputs).unwrap();
    let mut shown = String::new();
    for setting in SETTINGS {
        let value = config.value(setting.name);
        let value = value.map_or("-".to_owned(), |value| format!("{} ({})", value.text, value.source));
        shown += &format!("{} = {value}\n", setting.name);
    }
    let shown = shown.replace(&format!("{}/", folder.0.path().display()), "");
    insta::assert_snapshot!(shown);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = Folder::new();
    let file = folder.file(
        "daybook.toml",
        "archiv = \"x\"\nformat = \"xml\"\n\n[kalshi]\nprivate_key = \"-----BEGIN\"\ntimeout_seconds = 0\nkeyid = 7\n\
         env = [\"demo\"]\nkey_id = true\n[profiles.prod]\ntimeout = 5\n[profiles.prod.account]\nstore = \"postgres://me:secret@host/db\"\n",
    );
    let inputs = Inputs {
        set: vec!["kalshi.env".to_owned(), "wall=x".to_owned(), "kalshi.requests_per_minute=0".to_owned()],
        environment: environment(&[("KALSHI_ENV", "ftp://x"), ("DAYBOOK_PROFILE", "prd")]),
        ..folder.inputs(&[file])
    };
    insta::assert_snapshot!(problems(&folder, &inputs));
}

#[test]
fn what_is_no_toml_is_told_by_line() {
    let folder = Folder::new();
    let file = folder.file("daybook.toml", "archive = \"x\"\nformat = \n");
    insta::assert_snapshot!(problems(&folder, &folder.inputs(&[file])));
}

#[test]
fn secrets_are_told_to_nobody() {
    let folder = Folder::new();
    let dotenv = folder.file(".env", "KALSHI_PRIVATE_KEY=hidden-one\nthis is hidden-two\n");
    let inputs = Inputs { dotenv: Some(dotenv), ..folder.inputs(&[]) };
    let told = problems(&folder, &inputs);
    assert!(told.contains(".env") && !told.contains("hidden"), "{told}");
    let inputs = Inputs { environment: environment(&[("KALSHI_PRIVATE_KEY", "hidden-one")]), ..Inputs::default() };
    let config = Config::load(&inputs).unwrap();
    assert_eq!(config.private_key(), Some("hidden-one"));
    assert!(!format!("{config:?}").contains("hidden"));
    assert_eq!(masked("postgres://me:pa:ss@host:5432/db?x=a@b"), "postgres://me:•••@host:5432/db?x=a@b");
    assert_eq!(masked("postgres://me:hun/ter2@host/db"), "postgres://me:•••@host/db");
    assert_eq!(masked("postgres://h/db?user=me&password=p&x=1"), "postgres://h/db?user=me&password=•••&x=1");
    assert_eq!(masked("s3://b?secret_access_key=z"), "s3://b?secret_access_key=•••");
    assert_eq!(masked("http://host:80/a"), "http://host:80/a");
    let key = "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----";
    let file =
        folder.file("daybook.toml", &format!("[kalshi]\nkey_path = \"\"\"{key}\"\"\"\nkey_id = \"\"\"{key}\"\"\"\n"));
    let inputs = Inputs {
        environment: environment(&[("KALSHI_PRIVATE_KEY_PATH", key), ("KALSHI_API_KEY_ID", key)]),
        set: vec![format!("kalshi.key_path={key}"), "account.store=postgres://h/db?password=hidden".to_owned()],
        flags: vec![("kalshi.env", "--env", format!("http://me:hidden@h/{key}"))],
        ..folder.inputs(&[file])
    };
    let told = problems(&folder, &inputs);
    assert!(told.lines().count() >= 6 && !told.contains("hidden"), "{told}");
}

#[test]
fn a_profile_is_chosen_by_flag_then_variable_then_the_strongest_file() {
    let folder = Folder::new();
    let text = |default: &str| {
        format!(
            "default_profile = \"{default}\"\n[profiles.a]\nwal = \"a\"\n[profiles.b]\nwal = \"b\"\n[profiles.c]\nwal = \"c\"\n"
        )
    };
    let files = [folder.file("1.toml", &text("a")), folder.file("2.toml", &text("b"))];
    let mut inputs = folder.inputs(&files);
    let chosen = |inputs: &Inputs| Config::load(inputs).unwrap().text("wal").unwrap().to_owned();
    assert_eq!(chosen(&inputs), "b");
    inputs.environment = environment(&[("DAYBOOK_PROFILE", "c")]);
    assert_eq!(chosen(&inputs), "c");
    inputs.profile = Some("a".to_owned());
    assert_eq!(chosen(&inputs), "a");
    inputs.profile = Some("d".to_owned());
    assert_eq!(problems(&folder, &inputs), "--profile: there is no profile d; there are a, b, c");
}

#[test]
fn the_page_about_it_lists_every_setting_as_it_is() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut rows = page.lines().filter(|line| line.starts_with("| `")).map(str::to_owned);
    for setting in SETTINGS {
        let variables: Vec<String> = setting.variables.iter().map(|name| format!("`{name}`")).collect();
        let default = setting.default.map_or("–".to_owned(), |default| format!("`{default}`"));
        let row = format!("| `{}` | {} | {default} | {} |", setting.name, variables.join(", "), setting.allowed);
        assert_eq!(rows.next(), Some(row));
    }
    assert_eq!(rows.next(), None);
}
