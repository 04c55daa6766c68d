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
fn what_is_wrong_in_dotenv_is_told_by_line_and_not_shown() {
    let folder = Folder::new();
    let text = "# of the demo\r\n\r\nKALSHI_ENV=ftp://x\r\nexport DAYBOOK_KALSHI_TIMEOUT_SECONDS = 0\n\
                DAYBOOK_FORMAT=\"json\"\nthis is hidden-two\nNOTE='two\nlines'\nDAYBOOK_LOG=loud\nLAST=\"hidden-three\n";
    let dotenv = folder.file(".env", text);
    let told = problems(&folder, &Inputs { dotenv: Some(dotenv), ..folder.inputs(&[]) });
    assert_eq!(
        told,
        ".env:6: is not of the form NAME=VALUE (it breaks at its character 6)\n\
         .env:10: is not of the form NAME=VALUE or its quotes are never closed (it breaks at its character 20)\n\
         .env:9: DAYBOOK_LOG: log is \"loud\", and is to be off, error, warn, info, debug or trace\n\
         .env:3: KALSHI_ENV: kalshi.env is \"ftp://x\", and is to be prod, demo, or the base URL of a venue, as \
         http://127.0.0.1:8080\n\
         .env:4: DAYBOOK_KALSHI_TIMEOUT_SECONDS: kalshi.timeout_seconds is \"0\", and is to be 1 to 300"
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let folder = Folder::new();
    let file = folder.file("daybook.toml", "\u{feff}archive = \"x\"\n");
    let dotenv = folder.file(".env", "\u{feff}DAYBOOK_FORMAT=csv\n");
    let inputs = Inputs { dotenv: Some(dotenv.clone()), ..folder.inputs(std::slice::from_ref(&file)) };
    let config = Config::load(&inputs).unwrap();
    assert_eq!((config.text("archive"), config.text("format")), (Some("x"), Some("csv")));
    assert!(config.value("format").unwrap().source.ends_with(".env:1: DAYBOOK_FORMAT"));
    // What comes after it stands on the line it stands on.
    folder.file("daybook.toml", "\u{feff}\nformat = \"xml\"\n");
    assert!(problems(&folder, &inputs).starts_with("daybook.toml:2: format is"));
    // Other encodings are told of by line.
    for (bytes, told) in [
        (&b"\xff\xfeA\0"[..], "1: is UTF-16: save it as UTF-8"),
        (b"A=1\nB=caf\xe9\n", "2: is no UTF-8: save it as UTF-8"),
    ] {
        fs::write(&dotenv, bytes).unwrap();
        fs::write(&file, bytes).unwrap();
        assert_eq!(problems(&folder, &inputs), format!("daybook.toml:{told}\n.env:{told}"));
    }
}

#[test]
fn what_was_probably_meant_is_asked() {
    let folder = Folder::new();
    let file = folder.file(
        "daybook.toml",
        "default_profil = \"dev\"\narchve = true\n[kalsi]\nenv = \"demo\"\n[profile.dev]\nwal = \"x\"\n[acount]\n\
         [profiles.dev.kalshi]\nkeypath = \"x\"\nquite_another_thing = 1\n",
    );
    let told = problems(&folder, &Inputs { profile: Some("dve".to_owned()), ..folder.inputs(&[file]) });
    assert_eq!(
        told,
        "daybook.toml:1: there is no setting default_profil; did you mean default_profile?\n\
         daybook.toml:2: there is no setting archve; did you mean archive?\n\
         daybook.toml:3: there is no table of settings kalsi; did you mean kalshi?\n\
         daybook.toml:5: there is no table of settings profile; did you mean profiles?\n\
         daybook.toml:7: there is no table of settings acount; did you mean account?\n\
         daybook.toml:9: there is no setting kalshi.keypath; did you mean kalshi.key_path?\n\
         daybook.toml:10: there is no setting kalshi.quite_another_thing\n\
         --profile: there is no profile dve; there are dev; did you mean dev?"
    );
    let environment = environment(&[
        ("DAYBOOK_FROMAT", "csv"),
        ("KALSHI_API_KEYID", "x"),
        ("KALSHI_BOT_NAME", "b"),
        ("DAYBOOK_XYZ", "1"),
    ]);
    let config = Config::load(&Inputs { environment, ..Inputs::default() }).unwrap();
    let meant: Vec<_> = config.unknown_variables.iter().map(|(name, meant)| (name.as_str(), *meant)).collect();
    assert_eq!(
        meant,
        [
            ("DAYBOOK_FROMAT", Some("DAYBOOK_FORMAT")),
            ("DAYBOOK_XYZ", None),
            ("KALSHI_API_KEYID", Some("KALSHI_API_KEY_ID"))
        ]
    );
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
