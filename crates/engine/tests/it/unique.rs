//! `SelectUniqueValue`: values that nobody else has, whoever wants them at the same time.

use std::collections::BTreeMap;

use connector::ErrorClass;
use model::{Object, SignedDuration, Value};
use serde_json::{Value as Json, json};
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::recorded::{Recorded, mapping, schema_with};

const CANDIDATES: &str =
    r#"SelectUniqueValue([nick], Append([nick], "1"), Append([nick], "2"), Append([nick], "3"))"#;

/// Accounts with an alias, which the target does not keep unique itself.
fn with_alias() -> Json {
    let alias = mapping("alias", CANDIDATES, &json!({"flowType": "ObjectAddOnly"}));
    schema_with(&[json!({"name": "nick"})], &[json!({"name": "alias"})], &[alias])
}

fn sam(number: u32) -> Object {
    Object::new("User", format!("u{number}").as_str())
        .with("login", format!("login{number}"))
        .with("nick", "sam")
}

/// Aliases by user name.
fn aliases(job: &Recorded) -> BTreeMap<String, String> {
    let accounts = job.rig.target.objects("account");
    accounts.iter().map(|one| (one.get("userName").to_string(), one.get("alias").to_string())).collect()
}

fn values(job: &Recorded) -> Vec<String> {
    let mut values: Vec<String> = aliases(job).into_values().collect();
    values.sort();
    values
}

#[tokio::test]
async fn people_of_one_page_that_want_one_value_get_different_ones() {
    let mut job = Recorded::new(with_alias()).await;
    job.rig.set_settings(&[("ConcurrentExports", "64")]).await;
    for number in 0..4 {
        job.rig.source.upsert(sam(number));
    }
    assert_eq!(job.writes().await.len(), 4);
    assert_eq!(values(&job), ["sam", "sam1", "sam2", "sam3"]);
    assert_eq!(job.failures().await, []);
}

#[tokio::test]
async fn twenty_people_of_one_name_get_twenty_values_in_one_cycle() {
    let candidates: Vec<String> = (1..20).map(|number| format!("Append([nick], \"{number}\")")).collect();
    let expression = format!("SelectUniqueValue([nick], {})", candidates.join(", "));
    let alias = mapping("alias", &expression, &json!({"flowType": "ObjectAddOnly"}));
    let schema = schema_with(&[json!({"name": "nick"})], &[json!({"name": "alias"})], &[alias]);
    for page in [100, 7] {
        let target = MemoryTarget::new().unique("account", "userName").unique("account", "alias");
        let mut job = Recorded::with(MemorySource::new().page_size(page), target, schema.clone()).await;
        job.rig.set_settings(&[("ConcurrentExports", "64")]).await;
        for number in 0..20 {
            job.rig.source.upsert(sam(number));
        }
        assert_eq!(job.writes().await.len(), 20, "pages of {page}");
        assert_eq!(job.failures().await, []);
        let mut different = values(&job);
        different.dedup();
        assert_eq!(different.len(), 20, "pages of {page}: {different:?}");
        job.nothing().await;
    }
}

/// The listing with which an initial cycle begins does not know what the cycle made since: the target itself is asked.
#[tokio::test]
async fn people_of_different_pages_get_different_values() {
    let target = MemoryTarget::new().unique("account", "userName");
    let job = Recorded::with(MemorySource::new().page_size(1), target, with_alias()).await;
    job.rig.target.place("account", &[("userName", "elsewhere".into()), ("alias", "SAM2".into())]);
    for number in 0..3 {
        job.rig.source.upsert(sam(number));
    }
    assert_eq!(job.writes().await.len(), 3);
    assert_eq!(values(&job), ["SAM2", "sam", "sam1", "sam3"]);
}

#[tokio::test]
async fn whoever_has_an_account_keeps_the_value() {
    let job = Recorded::new(with_alias()).await;
    job.rig.source.upsert(sam(1));
    assert_eq!(job.only(Method::Create).await["alias"], "sam".into());
    job.rig.source.set("u1", "nick", "max");
    job.nothing().await;
    job.rig.source.upsert(sam(2));
    assert_eq!(job.only(Method::Create).await["alias"], "sam1".into());
}

#[tokio::test]
async fn where_no_value_is_free_the_object_waits_until_one_is() {
    let job = Recorded::new(with_alias()).await;
    for number in 0..5 {
        job.rig.source.upsert(sam(number));
    }
    assert_eq!(job.writes().await.len(), 4);
    let failures = job.failures().await;
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].code.wire(), failures[0].attribute.as_deref()), ("Conflict", Some("alias")));
    assert!(failures[0].detail.contains("each of the 4 values"), "{}", failures[0].detail);
    let first = job.rig.target.object_by("account", "alias", "sam").unwrap();
    assert!(job.rig.target.alter(&first.anchor, "alias", "somebody".into()));
    job.rig.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(job.only(Method::Create).await["alias"], "sam".into());
    assert_eq!(job.failures().await, []);
}

/// The target refuses what it was asked about a moment before: somebody else was faster.
#[tokio::test]
async fn a_value_that_is_taken_in_between_is_passed_over() {
    let faults = Faults::none();
    let target = MemoryTarget::new()
        .unique("account", "userName")
        .unique("account", "alias")
        .with_faults(faults.clone());
    let job = Recorded::with(MemorySource::new(), target, with_alias()).await;
    let gate = Gate::new();
    faults.next(Method::Create, Fault::Hold(gate.clone()));
    job.rig.source.upsert(sam(1));
    let (writes, ()) = tokio::join!(job.writes(), async {
        gate.arrival().await;
        job.rig.target.place("account", &[("userName", "faster".into()), ("alias", "sam".into())]);
        gate.open();
    });
    assert_eq!(
        writes.iter().map(|(_, sent)| &sent["alias"]).collect::<Vec<_>>(),
        [&Value::from("sam"), &"sam1".into()]
    );
    assert_eq!(aliases(&job)["login1"], "sam1");
}

#[tokio::test(start_paused = true)]
async fn after_lost_answers_nobody_changes_the_value() {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let job = Recorded::with(MemorySource::new(), target, with_alias()).await;
    faults.every(&[Method::Create], 2, Fault::LoseAnswer(ErrorClass::Retry { after: None }));
    for number in 0..4 {
        job.rig.source.upsert(sam(number));
    }
    job.rig.good_cycle().await;
    assert_eq!(values(&job), ["sam", "sam1", "sam2", "sam3"]);
    let before = aliases(&job);
    faults.heal();
    job.nothing().await;
    assert_eq!(aliases(&job), before);
}

/// The process dies between the request that makes an account and the commit that remembers it.
#[tokio::test]
async fn after_a_crash_nobody_changes_the_value() {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let mut job = Recorded::with(MemorySource::new(), target, with_alias()).await;
    for number in 0..4 {
        job.rig.source.upsert(sam(number));
    }
    let gate = Gate::new();
    faults.nth(&[Method::Create], 3, Fault::Hold(gate.clone()));
    tokio::select! {
        end = job.rig.cycle() => panic!("the cycle ended: {end:?}"),
        () = gate.arrival() => {}
    }
    let made = aliases(&job);
    assert!(!made.is_empty());
    faults.heal();
    job.rig.restart_process().await;
    job.rig.good_cycle().await;
    let after = aliases(&job);
    assert_eq!(values(&job), ["sam", "sam1", "sam2", "sam3"]);
    assert!(made.iter().all(|(name, alias)| after[name] == *alias), "{made:?} {after:?}");
}
