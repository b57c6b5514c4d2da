//! How fast people are loaded by `entente import`, and how long questions about them take afterwards.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use testkit::rig::Entente;

use super::latency::Latencies;
use super::release_binary;
use crate::graph::{Failure, Graph};
use crate::table::Table;

/// Users to one group, and members of each.
const USERS_TO_A_GROUP: usize = 1_000;
const MEMBERS: usize = 100;
/// How often each question is asked.
const ASKED: usize = 100;

/// Loads people and groups and asks for them.
pub(super) fn run(users: usize) -> Result<Vec<Table>, Failure> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let files = write_files(folder.path(), users)?;
    let entente = Entente::start(&binary, &folder.path().join("data"))?;
    let mut load = Table::new(["loaded by entente import", "rows", "seconds", "rows/s"]);
    for (name, (file, rows)) in ["users", "groups", "memberships"].into_iter().zip(&files) {
        let seconds = import(&binary, &entente, file)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
        let pace = *rows as f64 / seconds;
        load.row([name.to_owned(), rows.to_string(), format!("{seconds:.1}"), format!("{pace:.0}")]);
    }
    Ok(vec![load, questions(&Graph::sign_in(&entente)?, users)?])
}

/// Seconds that one run of `entente import` takes.
pub(super) fn import(binary: &Path, entente: &Entente, file: &Path) -> Result<f64, Failure> {
    let begin = Instant::now();
    let output = Command::new(binary)
        .args(["import", "--address", entente.base_url()])
        .arg(file)
        .env("ENTENTE_TENANT_ID", Entente::TENANT)
        .env("ENTENTE_BOOTSTRAP_CLIENT_ID", Entente::CLIENT)
        .env("ENTENTE_BOOTSTRAP_CLIENT_SECRET", Entente::SECRET)
        .output()?;
    if output.status.success() {
        Ok(begin.elapsed().as_secs_f64())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// The files, with how many rows they have.
fn write_files(folder: &Path, users: usize) -> Result<Vec<(PathBuf, usize)>, Failure> {
    let groups = users.div_ceil(USERS_TO_A_GROUP);
    let memberships = groups * MEMBERS.min(users);
    let groups_file = write_rows(
        &folder.join("groups.ndjson"),
        groups,
        |number| json!({"mailNickname": format!("group{number}"), "displayName": format!("Group {number}")}),
    )?;
    let memberships_file = write_rows(&folder.join("memberships.ndjson"), memberships, |number| {
        let (group, member) = (number / MEMBERS.min(users), number % MEMBERS.min(users));
        let member = (group * USERS_TO_A_GROUP + member) % users;
        json!({"group": format!("group{group}"), "member": principal(member)})
    })?;
    let users_file = write_users(&folder.join("users.ndjson"), users)?;
    Ok(vec![(users_file, users), (groups_file, groups), (memberships_file, memberships)])
}

/// Writes a file of users.
pub(super) fn write_users(path: &Path, users: usize) -> Result<PathBuf, Failure> {
    write_rows(path, users, |number| {
        json!({
            "userPrincipalName": principal(number), "displayName": format!("Person {number} Surname{}", number % 5_000),
            "givenName": format!("Person{number}"), "surname": format!("Surname{}", number % 5_000),
            "mail": principal(number), "mailNickname": format!("person{number}"), "accountEnabled": number % 51 > 0,
            "department": department(number), "jobTitle": "Engineer", "employeeId": number.to_string(),
            "city": "Larkfield", "businessPhones": [format!("+1 555 {number}")],
        })
    })
}

fn write_rows(path: &Path, count: usize, row: impl Fn(usize) -> Value) -> Result<PathBuf, Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..count {
        writeln!(file, "{}", row(number))?;
    }
    file.flush()?;
    Ok(path.to_owned())
}

fn principal(number: usize) -> String {
    format!("person{number}@example.com")
}

fn department(number: usize) -> String {
    format!("Department {}", number % 400)
}

/// The latency of each kind of question.
fn questions(graph: &Graph, users: usize) -> Result<Table, Failure> {
    // Any number that shares no factor with the users goes through all of them.
    let number = |asked: usize| (asked * 7_919 + 13) % users;
    let mut table = Table::new(["asked for", "answers", "p50 ms", "p99 ms", "longest ms"]);
    let mut row = |what: &str, mut latencies: Latencies| {
        table.row([
            what.to_owned(),
            latencies.count().to_string(),
            latencies.permille(500),
            latencies.permille(990),
            latencies.permille(1_000),
        ]);
    };
    let mut asked = |what: &str, path: &dyn Fn(usize) -> String| {
        let latencies = Latencies::of(ASKED, |asked| {
            let answer = graph.ask(&path(number(asked)))?;
            match answer.get("value").and_then(Value::as_array) {
                Some(found) if found.is_empty() => Err(format!("{what}: nothing was found").into()),
                _ => Ok(()),
            }
        });
        latencies.map(|latencies| row(what, latencies))
    };
    asked("one user by principal name", &|number| format!("/users/{}", principal(number)))?;
    asked("$filter=userPrincipalName eq", &|number| {
        format!("/users?$filter=userPrincipalName%20eq%20'{}'", principal(number))
    })?;
    asked("$filter=startswith(displayName)", &|number| {
        format!("/users?$filter=startswith(displayName,'Person%20{number}%20')")
    })?;
    asked("$filter=department eq and accountEnabled eq, 100", &|number| {
        let department = department(number).replace(' ', "%20");
        format!("/users?$top=100&$filter=department%20eq%20'{department}'%20and%20accountEnabled%20eq%20true")
    })?;
    asked("$search of a word, 100", &|number| {
        format!("/users?$top=100&$search=%22displayName:Surname{}%22", number % 5_000)
    })?;
    asked("$orderby=displayName, 100", &|_| "/users?$top=100&$orderby=displayName".to_owned())?;
    asked("members of a group, 100", &|number| {
        let group = number % users.div_ceil(USERS_TO_A_GROUP);
        format!("/groups?$filter=mailNickname%20eq%20'group{group}'&$expand=members")
    })?;
    row("pages of 999, one after another", pages(graph, "/users?$top=999")?);
    row("pages of 999 of the first delta round", pages(graph, "/users/delta?$top=999")?);
    row("delta after one change", changes(graph, &number)?);
    Ok(table)
}

/// The latency of each of the first pages of a list.
fn pages(graph: &Graph, path: &str) -> Result<Latencies, Failure> {
    let mut next = Some(path.to_owned());
    let mut latencies = Latencies::default();
    while let Some(path) = next.filter(|_| latencies.count() < ASKED) {
        let begin = Instant::now();
        let answer = graph.ask(&path)?;
        latencies.add(begin.elapsed());
        next = answer.get("@odata.nextLink").and_then(Value::as_str).map(str::to_owned);
    }
    Ok(latencies)
}

/// The latency of a delta query that finds one change.
fn changes(graph: &Graph, number: &dyn Fn(usize) -> usize) -> Result<Latencies, Failure> {
    let mut latencies = Latencies::default();
    let link = |answer: &Value| answer.get("@odata.deltaLink").and_then(Value::as_str).map(str::to_owned);
    let mut delta =
        link(&graph.ask("/users/delta?$deltatoken=latest")?).ok_or("the answer has no deltaLink")?;
    for asked in 0..ASKED {
        graph.patch(
            &format!("/users/{}", principal(number(asked))),
            &json!({"city": format!("City {asked}")}),
        )?;
        let begin = Instant::now();
        let answer = graph.ask(&delta)?;
        latencies.add(begin.elapsed());
        if answer.pointer("/value/0/id").is_none() {
            return Err(format!("the change is not told: {answer}").into());
        }
        delta = link(&answer).ok_or("the answer has no deltaLink")?;
    }
    Ok(latencies)
}
