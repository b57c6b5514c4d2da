use crate::run;

/// Every command.
const COMMANDS: [&str; 5] = ["serve", "demo", "check", "expr", "import"];

#[test]
fn help_names_every_command_and_gives_an_example_for_each() {
    let all = run(["--help"]);
    assert_eq!(all.status, 0);
    for command in COMMANDS {
        assert!(all.out.contains(&format!("\n  {command} ")), "{command} is missing in:\n{}", all.out);
        let one = run([command, "--help"]);
        assert_eq!(one.status, 0);
        assert!(one.out.contains(&format!("  entente {command}")), "no example in:\n{}", one.out);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_would_be_right() {
    for (arguments, mend) in [
        (&["exprr"][..], "expr"),
        (&["expr"], "<EXPRESSION>"),
        (&["expr", "[a]", "--set", "novalue"], "NAME=VALUE"),
        (&["check", "--confg", "x"], "--config"),
        (&[], "Usage"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(mend), "{arguments:?}:\n{}", ran.err);
        assert!(ran.out.is_empty());
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(run(["--version"]).out, format!("entente {}\n", env!("CARGO_PKG_VERSION")));
}
