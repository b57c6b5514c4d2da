use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::{entente, ran, run};

#[test]
fn an_expression_is_evaluated() {
    let ran = run([
        "expr",
        r#"Join(" ", [givenName], [surname])"#,
        "--set",
        "givenName=Zoë",
        "--set",
        "surname=Ö=P",
    ]);
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "Zoë Ö=P\n", ""));
}

#[test]
fn attributes_come_from_a_file_and_options_come_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let user = r#"{"mail": "A@X.example", "age": 7, "enabled": true, "org": {"unit": "R"}, "tags": ["b", "a"], "none": null}"#;
    fs::write(folder.path().join("user.json"), user).unwrap();
    for (expression, value) in [
        ("ToLower([mail])", "a@x.example"),
        ("[age]", "7"),
        ("[enabled]", "True"),
        ("[org.unit]", "S"),
        ("[tags]", "b\na"),
    ] {
        let arguments = ["expr", expression, "--input", "user.json", "--set", "org.unit=S"];
        let ran = ran(entente(folder.path()).args(arguments).output().unwrap());
        assert_eq!((ran.status, ran.out.trim_end()), (0, value), "{expression}: {}", ran.err);
    }
}

#[test]
fn names_of_domains_come_from_options() {
    for (expression, options, value) in [
        ("%DomainFQDN%", ["--setting", "DomainFQDN=corp.example"], "corp.example\n"),
        (r#"Append(%DomainNetBios%, "x")"#, ["--setting", "%DomainNetBios%=CORP"], "CORPx\n"),
        ("DefaultDomain()", ["--default-domain", "contoso.com"], "contoso.com\n"),
    ] {
        let ran = run(["expr", expression, options[0], options[1]]);
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, value, ""), "{expression}");
    }
    let wrong = run(["expr", "%DomainFQDN%", "--setting", "DomainFQND=x"]);
    assert!(wrong.status == 1 && wrong.err.contains("did you mean 'DomainFQDN'?"), "{}", wrong.err);
    let absent = run(["expr", "%DomainFQDN%"]);
    assert!(absent.status == 1 && absent.err.contains("no setting DomainFQDN"), "{}", absent.err);
}

#[test]
fn standard_input_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = entente(folder.path())
        .args(["expr", "[mail]", "--input", "-", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(br#"{"mail": ["a", "\"b\""]}"#).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.out.as_str()), (0, "[\"a\",\"\\\"b\\\"\"]\n"));
}

#[test]
fn nothing_is_told_from_an_empty_text() {
    let null = run(["expr", "[mail]"]);
    assert_eq!((null.status, null.out.as_str()), (0, ""));
    assert!(
        null.err.contains("[mail] has no value") && null.err.contains("the value is null"),
        "{}",
        null.err
    );
    assert_eq!(run(["expr", "[mail]", "--output", "json"]).out, "null\n");
    let empty = run(["expr", "[mail]", "--set", "mail="]);
    assert_eq!((empty.out.as_str(), empty.err.as_str()), ("\n", ""));
    let ignored = run(["expr", "IgnoreFlowIfNullOrEmpty([mail])"]);
    assert_eq!((ignored.status, ignored.out.as_str()), (0, ""));
    assert!(ignored.err.contains("nothing flows"), "{}", ignored.err);
}

#[test]
fn a_caret_shows_the_mistake() {
    for (expression, caret, words) in [
        ("Join(\" \", [a]", "\nJoin(\" \", [a]\n             ^\n", "expected"),
        ("ToLowr([a])", "\nToLowr([a])\n^\n", "did you mean ToLower?"),
        ("ToLower()", "\nToLower()\n        ^\n", "source"),
    ] {
        let ran = run(["expr", expression]);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{expression}");
        assert!(ran.err.contains(caret) && ran.err.contains(words), "{expression}:\n{}", ran.err);
    }
}

#[test]
fn a_failure_on_the_values_is_shown_at_its_place() {
    let ran = run(["expr", r#"IIF([a] = "1", Error("no one"), "x")"#, "--set", "a=1"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("no one") && ran.err.contains("\n               ^"), "{}", ran.err);
}

#[test]
fn the_tree_is_the_graph_resource() {
    let ran = run(["expr", "Mid([mail], 1, 8)", "--tree"]);
    let tree: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(tree["expression"], "Mid([mail], 1, 8)");
    assert_eq!(tree["parameters"][2]["key"], "length");
    assert_eq!(tree["parameters"][2]["value"]["expression"], "\"8\"");
}

#[test]
fn a_reader_may_stop_early() {
    let folder = tempfile::tempdir().unwrap();
    for more in [&["--tree"][..], &["--output", "json"], &[]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran =
            ran(entente(folder.path()).args(["expr", "\"a\""]).args(more).stdout(writer).output().unwrap());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{more:?}");
    }
}

#[test]
fn input_that_is_of_no_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list.json"), "[]").unwrap();
    fs::write(folder.path().join("broken.json"), "{\"a\": \n }").unwrap();
    fs::write(folder.path().join("huge.json"), " ".repeat((1 << 20) + 1)).unwrap();
    fs::write(folder.path().join("deep.json"), format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20)))
        .unwrap();
    for (file, words) in [
        ("list.json", "one JSON object"),
        ("broken.json", "line 2 column 2"),
        ("huge.json", "longer than 1 MiB"),
        ("deep.json", "deeper than 16 levels"),
        ("none.json", "cannot read none.json"),
    ] {
        let ran = ran(entente(folder.path()).args(["expr", "[a]", "--input", file]).output().unwrap());
        assert_eq!(ran.status, 1, "{file}");
        assert!(ran.err.contains(words) && ran.err.contains(file), "{file}: {}", ran.err);
    }
}

#[test]
fn a_repeated_attribute_has_several_values() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("user.json"), r#"{"role": ["x", "y", "z"], "other": "o"}"#).unwrap();
    let arguments = [
        "expr",
        "Join(\"+\", [role], [other], Count([role]))",
        "--input",
        "user.json",
        "--set",
        "role=a",
        "--set",
        "mail=m",
        "--set",
        "role=b",
    ];
    let ran = ran(entente(folder.path()).args(arguments).output().unwrap());
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "a+b+o+2\n", ""));
}

#[test]
fn a_misspelled_attribute_is_noted_with_the_nearest() {
    let ran = run(["expr", "[givnName]", "--set", "givenName=Ada"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(
        ran.err.contains("[givnName] has no value in the input, so it is null; did you mean [givenName]?"),
        "{}",
        ran.err
    );
    assert!(!run(["expr", "[mail]", "--set", "givenName=Ada"]).err.contains("did you mean"));
}

#[test]
fn the_exit_status_tells_what_happened() {
    for (arguments, status) in [
        (vec!["expr", "ToUpper(\"a\")"], 0),
        (vec!["expr", "CDate(\"never\")"], 1),
        (vec!["expr", "ToUpper("], 1),
        (vec!["expr"], 2),
        (vec!["expr", "[a]", "--set", "a"], 2),
        (vec!["expr", "[a]", "--output", "xml"], 2),
    ] {
        let ran = run(&arguments);
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.err);
    }
}
