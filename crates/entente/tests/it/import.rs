use std::fs;
use std::process::Output;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::graph::World;
use crate::serve::BOOTSTRAP;
use crate::{Ran, entente, ran};

/// `entente import` of files with these names and texts.
async fn import(address: Option<&str>, files: &[(&str, &str)], options: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = entente(folder.path());
    command.arg("import").args(options).args(files.iter().map(|(name, _)| name)).envs(BOOTSTRAP);
    if let Some(address) = address {
        command.args(["--address", address]);
    }
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    ran(output)
}

/// The cells of a row of the table that an import prints.
fn cells<'r>(ran: &'r Ran, what: &str) -> Vec<&'r str> {
    let line = ran.out.lines().find(|line| line.contains(what) && line.contains('┆')).unwrap_or_default();
    let cells = line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty());
    cells.skip(1).collect()
}

#[tokio::test]
async fn an_import_can_be_repeated() {
    let world = World::start(&[]);
    let people = "userPrincipalName,displayName,otherMails,accountEnabled,manager\n\
        ada@x.org,Ada,a@y.org;b@y.org,,bob@x.org\nbob@x.org,Bob,,false,\n";
    let groups = "{\"mailNickname\": \"crew\", \"displayName\": \"Crew\"}\n";
    let members = "group,member\ncrew,ada@x.org\ncrew,bob@x.org\n";
    let files = [("people.csv", people), ("groups.ndjson", groups), ("members.csv", members)];
    let first = import(Some(world.address()), &files, &[]).await;
    assert_eq!(first.status, 0, "{}{}", first.out, first.err);
    assert_eq!(cells(&first, "users"), ["2", "2", "0", "0"], "{}", first.out);
    assert_eq!(cells(&first, "groups"), ["1", "1", "0", "0"]);
    assert_eq!(
        (cells(&first, "managers"), cells(&first, "memberships")),
        (vec!["1", "0", "1", "0"], vec!["2", "0", "2", "0"])
    );

    let people = people.replace("Ada,", "Ada L,");
    let again = import(Some(world.address()), &[("people.csv", &people), files[1], files[2]], &[]).await;
    assert_eq!(again.status, 0, "{}{}", again.out, again.err);
    assert_eq!(cells(&again, "users"), ["2", "0", "2", "0"], "{}", again.out);
    assert_eq!(cells(&again, "groups"), ["1", "0", "1", "0"]);

    let get = async |path: &str| world.call(Method::GET, path, None).await.1;
    let ada = get("users/ada@x.org?$expand=manager").await;
    assert_eq!(
        (&ada["displayName"], &ada["manager"]["userPrincipalName"]),
        (&json!("Ada L"), &json!("bob@x.org"))
    );
    assert_eq!(get("users/ada@x.org?$select=otherMails").await["otherMails"], json!(["a@y.org", "b@y.org"]));
    assert_eq!(get("users/bob@x.org?$select=accountEnabled").await["accountEnabled"], json!(false));
    let found = get("groups?$filter=mailNickname eq 'crew'&$expand=members").await;
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1), "{found:#}");
    assert_eq!(found["value"][0]["members"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_sent() {
    let people = "userPrincipalName,accountEnabled\nada@x.org,perhaps\nbob@x.org,true\n";
    let rows = "{\"userPrincipalName\": \"c@x.org\", \"citty\": \"Rome\"}\n\
        {\"userPrincipalName\": \"BOB@x.org\"}\n{\"mailNickname\": \"bob@x.org\"}\n";
    let files = [("people.csv", people), ("more.ndjson", rows)];
    // Nobody listens there: nothing is sent.
    let refused = import(Some("http://127.0.0.1:9"), &files, &[]).await;
    assert_eq!(refused.status, 1);
    let twice = "more.ndjson:2: another row names the user 'BOB@x.org' already";
    for words in ["people.csv:2:2: 'accountEnabled' is 'perhaps'", "more.ndjson:1:34: ", "city", twice] {
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    let good = import(None, &[("people.csv", "userPrincipalName\nada@x.org\n")], &["--dry-run"]).await;
    assert_eq!(
        (good.status, good.out.starts_with("1 users, 0 groups")),
        (0, true),
        "{}{}",
        good.out,
        good.err
    );
}

#[tokio::test]
async fn what_the_service_refuses_is_told_by_its_row() {
    let world = World::start(&[]);
    let files = [
        ("people.csv", "userPrincipalName,manager\nada@x.org,nobody@x.org\nno-principal-name,\n"),
        ("groups.csv", "mailNickname\ncrew\n"),
        ("members.csv", "group,member\ncrew,ada@x.org\ncrew,nobody@x.org\nghosts,ada@x.org\n"),
    ];
    let done = import(Some(world.address()), &files, &[]).await;
    assert_eq!(done.status, 1, "{}", done.out);
    for place in ["people.csv:2: ", "people.csv:3: ", "members.csv:3: ", "members.csv:4: no group"] {
        assert!(done.err.contains(place), "{place}: {}", done.err);
    }
    assert_eq!(cells(&done, "memberships"), ["3", "0", "1", "2"], "{}", done.out);
    let (_, found) =
        world.call(Method::GET, "groups?$filter=mailNickname eq 'crew'&$expand=members", None).await;
    assert_eq!(found["value"][0]["members"].as_array().map(Vec::len), Some(1), "{found:#}");
    let (_, nobody): (_, Json) = world.call(Method::GET, "users/nobody@x.org", None).await;
    assert_eq!(nobody["error"]["code"], "Request_ResourceNotFound");
}
