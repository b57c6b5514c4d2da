//! Values that may not be shown, at rest: no file of the store holds any of them.

use std::path::Path;
use std::sync::Arc;

use connector::ErrorClass;
use engine::ResetScope;
use model::{Object, Value};
use serde_json::Value as Json;
use store_sqlite::SqliteStore;
use testkit::{Fault, Gate, MemorySource, MemoryTarget, Method, SeededEntropy};

use crate::recorded::mapping_of;
use crate::rig::{Rig, schema};

/// Accounts are found by a badge that may not be shown, and have a department that may not be either.
fn hushed() -> Json {
    let mut schema = schema();
    mapping_of(&mut schema, "name")["source"]["expression"] = r#"Redact(Append([login], "-Hush"))"#.into();
    mapping_of(&mut schema, "name")["matchingPriority"] = 1.into();
    mapping_of(&mut schema, "userName")["matchingPriority"] = 0.into();
    mapping_of(&mut schema, "department")["source"]["expression"] = "Redact([department])".into();
    schema
}

async fn rig(folder: &Path) -> Rig {
    let store = Arc::new(SqliteStore::open(&folder.join("entente.db")).unwrap());
    Rig::on(store, MemorySource::new(), MemoryTarget::new(), hushed(), SeededEntropy::new(1)).await
}

fn spy(number: u32) -> Object {
    Object::new("User", format!("u{number}").as_str())
        .with("login", format!("login{number}"))
        .with("department", "Mi6-Hush")
}

/// Asserts that the store's files, free pages and log included, hold nothing of the values.
fn nothing_rests(folder: &Path) {
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let octets = std::fs::read(&file).unwrap().to_ascii_lowercase();
        for value in ["mi6-hush", "login0-hush", "login1-hush", "login3-hush"] {
            let rests = octets.windows(value.len()).any(|stretch| stretch == value.as_bytes());
            assert!(!rests, "{} holds {value}", file.display());
        }
    }
}

#[tokio::test]
async fn intents_rest_sealed_and_are_found_again_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = rig(folder.path()).await;
    for number in 0..2 {
        rig.source.upsert(spy(number));
    }
    // The accounts are made, the answers are lost, and then the target is out of reach.
    rig.target.faults().every(&[Method::Create], 1, Fault::lost_answer());
    rig.target.faults().always(&[Method::Find, Method::Check], Fault::Refuse(ErrorClass::Unavailable));
    rig.cycle().await;
    assert!(!rig.accounts().is_empty());
    assert!(!rig.store.open_intents(&rig.job.id).await.unwrap().is_empty());
    nothing_rests(folder.path());
    rig.source.delete("u0");
    rig.target.faults().heal();
    rig.restart_process().await;
    rig.good_cycle().await;
    let accounts: Vec<String> = rig.accounts().into_keys().collect();
    assert_eq!(
        accounts,
        ["login1"],
        "who is gone was looked up by the intent, and who stays has one account"
    );
    nothing_rests(folder.path());
}

#[tokio::test]
async fn the_index_rests_sealed_and_matches_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    for number in 0..3 {
        let name = format!("login{number}-Hush");
        let values =
            [("userName", format!("login{number}")), ("name", name), ("department", "Mi6-Hush".into())];
        rig.target.place("account", &values.map(|(attribute, value)| (attribute, Value::from(value))));
        rig.source.upsert(spy(number));
    }
    rig.source.upsert(spy(3));
    let gate = Gate::new();
    rig.target.faults().next(Method::Create, Fault::Hold(gate.clone()));
    let cycle = tokio::spawn({
        let (engine, job) = (rig.engine.clone(), rig.job.clone());
        async move { engine.run_to_end(&job).await.unwrap() }
    });
    gate.arrival().await;
    nothing_rests(folder.path());
    gate.open();
    cycle.await.unwrap();
    assert_eq!(rig.accounts().len(), 4, "three were matched by what may not be shown, and one was made");
    // What the index says of an account is compared with what the mapping gives, so nothing is sent.
    rig.restart(ResetScope { watermark: true, ..ResetScope::default() }).await;
    rig.good_cycle().await;
    let updates = rig.story("u0").await;
    assert_eq!(updates.iter().filter(|one| one.starts_with("update success")).count(), 1, "{updates:?}");
    nothing_rests(folder.path());
}
