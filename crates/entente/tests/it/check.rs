use std::fs;
use std::path::Path;

use crate::{Ran, entente, ran, run};

/// Runs `check` in a folder with this file and these variables.
fn check(file: &str, variables: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("entente.toml"), file).unwrap();
    let mut command = entente(folder.path());
    command.arg("check").envs(variables.iter().copied());
    ran(command.output().unwrap())
}

#[test]
fn a_file_in_order_is_told_with_what_holds() {
    let file = "# Where\nlisten = \"127.0.0.1:9000\"\nallow_plain_http = true\ndeleted_items_days = 7\n";
    let ran = check(file, &[("ENTENTE_LISTEN", "127.0.0.1:9001"), ("ENTENTE_LOG_FORMAT", "json")]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    let line = |name: &str| ran.out.lines().find(|line| line.trim().starts_with(name)).unwrap().to_owned();
    assert!(line("listen ").contains("127.0.0.1:9001") && line("listen ").ends_with("ENTENTE_LISTEN"));
    assert!(
        line("allow_plain_http").contains("true") && line("allow_plain_http").ends_with("entente.toml:3:20")
    );
    assert!(line("deleted_items_days = 7").ends_with("entente.toml:4:22"));
    assert!(line("data_dir").contains("entente-data") && line("data_dir").ends_with("default"));
}

#[test]
fn every_problem_is_named_with_its_place_and_its_mend() {
    let file = "lisen = \"x\"\ntls = \"maybe\"\n\nlog = 5.5\nprovisioning_log_days = 0\n  public_url = \"ftp://x\"\nsecrets_key = \"00\"\n[a]\nb = 1\n";
    let ran = check(file, &[("ENTENTE_ALLOW_PLAIN_HTTP", "yes"), ("ENTENTE_TENANT_ID", "me")]);
    assert_eq!(ran.status, 1);
    let expected = [
        "entente.toml:1:1: there is no key 'lisen'; did you mean 'listen'?",
        "entente.toml:2:7: tls is 'maybe': write self-signed, or CERT,KEY with the paths of two PEM files",
        "entente.toml:4:7: log is a fraction: write a text in quotes",
        "entente.toml:5:25: provisioning_log_days is '0': write a number of days from 1 to 3650",
        "entente.toml:6:16: public_url is 'ftp://x': write an address such as https://sync.example.com, without a query",
        "entente.toml:7:1: secrets_key does not belong in a file: put it into the variable ENTENTE_SECRETS_KEY",
        "entente.toml:8:2: there is no key 'a'; `entente check --keys` lists them all",
        "ENTENTE_ALLOW_PLAIN_HTTP: allow_plain_http is 'yes': write true or false",
        "ENTENTE_TENANT_ID: tenant_id is 'me': write a GUID, such as 3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11",
        "entente: the configuration has 9 problems",
    ];
    assert_eq!(ran.err.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn text_that_is_no_toml_is_pointed_at() {
    let ran = check("listen = \"127.0.0.1:1\"\ntls = \n", &[]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.starts_with("entente.toml:2:7: "), "{}", ran.err);
}

#[test]
fn plain_http_beyond_loopback_needs_a_word() {
    let open = check("listen = \"0.0.0.0:80\"", &[]);
    assert_eq!(open.status, 1);
    assert!(
        open.err.starts_with("entente.toml:1:10: 0.0.0.0:80 can be reached from outside"),
        "{}",
        open.err
    );
    assert_eq!(check("listen = \"0.0.0.0:80\"\ntls = \"self-signed\"", &[]).status, 0);
    assert_eq!(check("listen = \"0.0.0.0:80\"\nallow_plain_http = true", &[]).status, 0);
}

#[test]
fn files_and_pairs_that_are_missing_are_named() {
    let ran = check("tls = \"cert.pem, key.pem\"", &[("ENTENTE_BOOTSTRAP_CLIENT_ID", &"0".repeat(32))]);
    for words in [
        "cert.pem cannot be read",
        "key.pem cannot be read",
        "bootstrap_client_id needs bootstrap_client_secret",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[test]
fn a_short_secret_is_taken_with_a_note_and_an_empty_one_is_one_problem() {
    let client = ("ENTENTE_BOOTSTRAP_CLIENT_ID", "b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90");
    let short = check("", &[client, ("ENTENTE_BOOTSTRAP_CLIENT_SECRET", "s3cr3t")]);
    assert_eq!(short.status, 0, "{}", short.err);
    assert!(short.err.contains("fewer than 16 characters") && !short.err.contains("s3cr3t"), "{}", short.err);
    let empty = check("", &[client, ("ENTENTE_BOOTSTRAP_CLIENT_SECRET", "")]);
    assert_eq!(empty.status, 1);
    let problem =
        "ENTENTE_BOOTSTRAP_CLIENT_SECRET: bootstrap_client_secret is of no use: a secret needs a character";
    assert!(empty.err.starts_with(problem), "{}", empty.err);
    assert_eq!(empty.err.lines().count(), 2, "{}", empty.err);
}

#[test]
fn mail_and_webhooks_are_protected_and_whole() {
    let file = "mail_server = \"mail.example.com:25\"\nmail_tls = \"none\"\nmail_to = \"a@x.example, b\"\n\
                webhook_url = \"http://hooks.example.com\"\nmail_user = \"me\"\n";
    let ran = check(file, &[("ENTENTE_WEBHOOK_SECRET", "too short")]);
    for words in [
        "entente.toml:1:15: mail_server needs mail_from beside it",
        "entente.toml:2:12: mail would cross the network in clear: write starttls or tls",
        "'b' is no mail address",
        "entente.toml:4:15: webhook_url is 'http://hooks.example.com': write an address such as https://",
        "entente.toml:5:13: mail_user needs mail_password beside it",
        "webhook_secret is of no use: a secret that signs needs 16 characters",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let file = "mail_server = \"127.0.0.1:25\"\nmail_tls = \"none\"\nmail_from = \"Entente <e@x.example>\"\n\
                webhook_url = \"http://127.0.0.1:1/hook\"\n";
    let ran = check(file, &[("ENTENTE_WEBHOOK_SECRET", "long enough to sign")]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
}

#[test]
fn issuers_are_read_whole_or_with_every_mistake() {
    let good = "[[trusted_issuers]]\nissuer = \"https://login.example.com\"\naudience = [\"api://entente\", \"x\"]\n\
                tenant = \"3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11\"\npermissions_claim = \"/realm_access/roles\"\n\
                [trusted_issuers.permissions]\nops = [\"Synchronization.ReadWrite.All\", \"User.Read.All\"]\n\
                [trusted_issuers.clients]\nnightly = \"b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90\"\n\
                [[trusted_issuers]]\nissuer = \"cluster\"\njwks_url = \"http://127.0.0.1:1/keys\"\naudience = \"a\"\n\
                tenant_claim = \"tid\"\n";
    let ran = check(good, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("trusted_issuers = https://login.example.com, cluster"), "{}", ran.out);
    let bad = "[[trusted_issuers]]\nisuer = \"x\"\naudience = [1]\ntenant = \"me\"\njwks_url = \"http://login.example.com\"\n\
               permissions = {ops = \"Synchronization.ReadWriteAll\"}\nclients = {a = \"b\"}\n\
               [[trusted_issuers]]\nissuer = \"cluster\"\naudience = \"a\"\ntenant_claim = \"tid\"\n\
               [[trusted_issuers]]\nissuer = \"https://a.example\"\ntenant_claim = \"tid\"\n\
               [[trusted_issuers]]\nissuer = \"https://a.example\"\naudience = \"a\"\n";
    let ran = check(bad, &[]);
    assert_eq!(ran.status, 1);
    for words in [
        "entente.toml:2:1: trusted_issuers has no key 'isuer'; it has issuer, jwks_url, ",
        "entente.toml:3:12: audience of trusted_issuers: write a text in quotes, or a list of them",
        "entente.toml:4:10: tenant of trusted_issuers: write a GUID",
        "entente.toml:5:12: jwks_url of trusted_issuers: write an address such as https://",
        "entente.toml:6:15: permissions of trusted_issuers: 'ops': there is no permission 'Synchronization.ReadWriteAll'; \
         did you mean 'Synchronization.ReadWrite.All'?",
        "entente.toml:7:11: clients of trusted_issuers: 'a': write a GUID",
        "entente.toml:8:1: the issuer 'cluster' is no https address, and so needs jwks_url",
        "entente.toml:12:1: the issuer 'https://a.example' needs audience",
        "entente.toml:15:1: the issuer 'https://a.example' needs either tenant or tenant_claim",
        "the configuration has 9 problems",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let one = "[{issuer = \"https://a.example\", audience = \"a\", tenant_claim = \"tid\"}]";
    assert_eq!(check("", &[("ENTENTE_TRUSTED_ISSUERS", one)]).status, 0);
    for (text, words) in [
        (format!("{one}\nlisten = \"x\""), "write a list of tables as in the file"),
        (one.replace('}', ", x = 1}"), "trusted_issuers has no key 'x'"),
        (
            format!("[{one}, {one}]").replace("[[", "[").replace("], [", ", ").replace("]]", "]"),
            "is there twice",
        ),
        ("x".to_owned(), "write a list of tables as in the file"),
    ] {
        let ran = check("", &[("ENTENTE_TRUSTED_ISSUERS", &text)]);
        assert!(
            ran.err.starts_with("ENTENTE_TRUSTED_ISSUERS: ") && ran.err.contains(words),
            "{words}: {}",
            ran.err
        );
    }
    let text = check("trusted_issuers = \"x\"", &[]);
    assert!(text.err.starts_with("entente.toml:1:19: trusted_issuers is a list of tables"), "{}", text.err);
}

#[test]
fn secrets_are_never_printed() {
    let (key, secret) = ("not-a-key-at-all", "s3cr3t-s3cr3t-s3cr3t");
    let wrong = check("", &[("ENTENTE_SECRETS_KEY", key)]);
    assert_eq!(wrong.status, 1);
    assert!(wrong.err.contains("64 hexadecimal digits") && !wrong.err.contains(key), "{}", wrong.err);
    let client = ("ENTENTE_BOOTSTRAP_CLIENT_ID", "b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90");
    let right = check("", &[client, ("ENTENTE_BOOTSTRAP_CLIENT_SECRET", secret)]);
    assert_eq!(right.status, 0, "{}", right.err);
    assert!(!right.out.contains(secret) && right.out.contains("(secret)"), "{}", right.out);
}

#[test]
fn a_variable_that_nobody_reads_is_worth_a_note() {
    let ran = check("", &[("ENTENTE_LISTN", "x")]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.err, "note: there is no variable 'ENTENTE_LISTN'; did you mean 'ENTENTE_LISTEN'?\n");
}

#[test]
fn a_named_file_must_exist_and_an_unnamed_one_need_not() {
    assert_eq!(run(["check"]).status, 0);
    let named = run(["check", "--config", "other.toml"]);
    assert_eq!(named.status, 1);
    assert!(named.err.starts_with("other.toml:1:1: cannot be read: No such file"), "{}", named.err);
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    assert_eq!(
        fs::read_to_string(page).unwrap_or_default(),
        run(["check", "--keys"]).out,
        "make it anew: cargo run -- check --keys > docs/configuration.md"
    );
}
