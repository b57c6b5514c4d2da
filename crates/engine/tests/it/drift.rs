//! Changes that others make at the target: found, shown, undone.

use model::provisioning::{Import, Step};
use model::{Anchor, SignedDuration};
use store::{Drift, DriftKind};
use testkit::{MemorySource, MemoryTarget};

use crate::rig::{Rig, group, managed_by, schema, user};

async fn rig_with(settings: &[(&str, &str)]) -> Rig {
    rig_on(MemoryTarget::new().unique("account", "userName"), settings).await
}

async fn rig_on(target: MemoryTarget, settings: &[(&str, &str)]) -> Rig {
    rig_of(schema(), target, settings).await
}

/// Twelve people in one team; user 1 reports to user 0.
async fn rig_of(schema: serde_json::Value, target: MemoryTarget, settings: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::of(MemorySource::new(), target, schema, testkit::SeededEntropy::new(1)).await;
    rig.set_settings(settings).await;
    for number in 0..12 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(managed_by(user(1), 0));
    rig.source.upsert(group("staff"));
    for number in 0..6 {
        rig.source.add_member("staff", &format!("u{number}"));
    }
    rig.good_cycle().await;
    rig
}

async fn a_day_later(rig: &Rig) {
    rig.clock.advance(SignedDuration::from_hours(25));
    rig.good_cycle().await;
}

async fn found(rig: &Rig) -> Vec<Drift> {
    rig.store.drift(&rig.job.id, 0, 100).await.unwrap().into_iter().map(|(_, drift)| drift).collect()
}

/// What was found, as (object, kind, attribute, expected, found).
async fn told(rig: &Rig) -> Vec<(String, DriftKind, String, Option<String>, Option<String>)> {
    let mut told: Vec<_> = found(rig)
        .await
        .into_iter()
        .map(|one| (one.source.to_string(), one.what, one.attribute.to_string(), one.expected, one.found))
        .collect();
    told.sort_by_key(|one| (one.0.clone(), one.2.clone(), one.3.clone()));
    told
}

fn team(rig: &Rig) -> Anchor {
    rig.target.objects("team")[0].anchor.clone()
}

/// What somebody else does: a value, a manager, two accounts, members.
fn meddle(rig: &Rig) -> Anchor {
    let anchor = |number: u32| rig.account_anchor(&format!("user{number}"));
    rig.target.alter(&anchor(2), "name", "Hacked".into());
    let (other, member) = (anchor(3), anchor(4));
    rig.target.alter(&anchor(1), "manager", model::Value::Reference(other));
    rig.target.take_away(&anchor(9));
    let stranger = rig.target.place("account", &[("userName", "stranger".into())]);
    assert!(rig.target.alter_references(&team(rig), "members", std::slice::from_ref(&stranger), &[member]));
    stranger
}

#[tokio::test]
async fn a_scan_finds_what_others_changed_and_leaves_it() {
    let rig = rig_with(&[]).await;
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await, [], "nothing was changed");
    let boss = rig.account_anchor("user0").to_string();
    let (lost, gone) = (rig.account_anchor("user4").to_string(), rig.account_anchor("user9").to_string());
    let stranger = meddle(&rig).to_string();
    rig.good_cycle().await;
    assert_eq!(found(&rig).await, [], "it is not time yet");
    rig.target.forget_calls();
    a_day_later(&rig).await;
    assert_eq!(rig.target.calls().writes(), 0);
    let other = rig.account_anchor("user3").to_string();
    let row = |source: &str, what, attribute: &str, expected: Option<&str>, found: Option<&str>| {
        (source.to_owned(), what, attribute.to_owned(), expected.map(str::to_owned), found.map(str::to_owned))
    };
    assert_eq!(
        told(&rig).await,
        [
            row("staff", DriftKind::Added, "members", None, Some(&stranger)),
            row("staff", DriftKind::Removed, "members", Some(&lost), None),
            row("u1", DriftKind::Value, "manager", Some(&boss), Some(&other)),
            row("u2", DriftKind::Value, "name", Some("Üser \"2\" \\"), Some("Hacked")),
            row("u9", DriftKind::Missing, "", Some(&gone), None),
        ]
    );
    let since: Vec<_> = found(&rig).await.into_iter().map(|one| one.since).collect();

    // What is still so keeps its moment; what is no longer so goes.
    rig.target.alter(&rig.account_anchor("user2"), "name", "Üser \"2\" \\".into());
    a_day_later(&rig).await;
    let left = found(&rig).await;
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|one| since.contains(&one.since)));
}

#[tokio::test]
async fn repair_brings_back_what_others_changed_and_logs_it() {
    repaired(&[("DriftPolicy", "Repair")]).await;
}

/// To trust the last export is a matter of updates: a scan is there to look.
#[tokio::test]
async fn repair_brings_back_what_others_changed_where_updates_trust_the_last_export() {
    repaired(&[("DriftPolicy", "Repair"), ("TargetVerification", "Trust")]).await;
}

async fn repaired(settings: &[(&str, &str)]) {
    let rig = rig_with(settings).await;
    let stranger = meddle(&rig);
    a_day_later(&rig).await;
    assert_eq!(rig.account("user2").unwrap().get("name").to_string(), "Üser \"2\" \\");
    let boss = rig.account("user1").unwrap().get("manager").as_reference().cloned();
    assert_eq!(boss, Some(rig.account_anchor("user0")));
    assert!(rig.account("user9").is_some(), "made again");
    let members = rig.target.references(&team(&rig), "members");
    assert_eq!(members.len(), 6);
    assert!(!members.contains(&stranger) && members.contains(&rig.account_anchor("user4")));
    let log = rig.log().await;
    let repaired = log.iter().filter(|one| one.steps.contains(&Step::Import(Import::Drift))).count();
    assert_eq!(repaired, 2, "the value and the account; references are logged as references");
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await, []);
}

/// References are undone as their flow type lets them flow, as values are.
#[tokio::test]
async fn repair_leaves_references_that_only_flow_at_creation() {
    // Flow type; whether a member whom others added stays, one whom they removed comes back, and so with managers.
    let rows = [
        ("ObjectAddOnly", true, false, true, false),
        ("MultiValueAddOnly", true, true, true, true),
        ("AttributeAddOnly", true, false, true, true),
        ("Always", false, true, false, true),
    ];
    for (flow_type, added_stays, removed_returns, other_stays, emptied_returns) in rows {
        for policy in ["Report", "Repair"] {
            let mut schema = schema();
            let mappings = &mut schema["synchronizationRules"][0]["objectMappings"];
            mappings[0]["attributeMappings"][4]["flowType"] = flow_type.into();
            mappings[1]["attributeMappings"][1]["flowType"] = flow_type.into();
            let target = MemoryTarget::new().unique("account", "userName");
            let rig = rig_of(schema, target, &[("DriftPolicy", policy)]).await;
            rig.source.upsert(managed_by(user(2), 0));
            rig.source.upsert(managed_by(user(12), 0));
            rig.source.upsert(managed_by(user(13), 0));
            rig.good_cycle().await;
            let anchor = |number: u32| rig.account_anchor(&format!("user{number}"));
            let boss = |number: u32| {
                rig.account(&format!("user{number}")).unwrap().get("manager").as_reference().cloned()
            };
            assert_eq!((boss(12), boss(13)), (Some(anchor(0)), Some(anchor(0))));
            rig.target.alter(&anchor(12), "manager", model::Value::Reference(anchor(3)));
            rig.target.alter(&anchor(13), "manager", model::Value::Null);
            rig.target.alter_references(&team(&rig), "members", &[anchor(9)], &[anchor(4)]);
            a_day_later(&rig).await;
            let members = rig.target.references(&team(&rig), "members");
            let words = format!("{flow_type}, {policy}");
            if policy == "Report" {
                let expected = [!added_stays, removed_returns, !other_stays, emptied_returns];
                let expected = expected.into_iter().filter(|told| *told).count();
                assert_eq!(found(&rig).await.len(), expected, "{words}: what is not undone is not told");
                continue;
            }
            assert_eq!(members.contains(&anchor(9)), added_stays, "{words}");
            assert_eq!(members.contains(&anchor(4)), removed_returns, "{words}");
            assert_eq!(boss(12), Some(anchor(if other_stays { 3 } else { 0 })), "{words}");
            assert_eq!(boss(13), emptied_returns.then(|| anchor(0)), "{words}");
        }
    }
}

#[tokio::test]
async fn repair_is_held_by_the_limits() {
    let mut rig = rig_with(&[]).await;
    rig.set_settings(&[("DriftPolicy", "Repair"), ("MaxCreates", "2")]).await;
    for number in 7..10 {
        rig.target.take_away(&rig.account_anchor(&format!("user{number}")));
    }
    a_day_later(&rig).await;
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 9);
    let reason = rig.status().await.quarantine.unwrap().reason;
    assert_eq!(reason, model::job::QuarantineReason::TooManyCreates);
}

#[tokio::test]
async fn what_is_repaired_within_the_limits_is_repaired_at_once_and_troubles_nobody() {
    let mut rig = rig_with(&[]).await;
    rig.set_settings(&[("DriftPolicy", "Repair"), ("MaxCreates", "2"), ("MaxUpdates", "2")]).await;
    rig.target.take_away(&rig.account_anchor("user9"));
    rig.target.alter(&rig.account_anchor("user2"), "name", "Hacked".into());
    a_day_later(&rig).await;
    assert_eq!(rig.accounts().len(), 12);
    assert_ne!(rig.account("user2").unwrap().get("name").to_string(), "Hacked");
    assert_eq!(rig.status().await.quarantine, None);
}

#[tokio::test]
async fn drift_is_looked_for_a_day_after_it_is_no_longer_ignored() {
    let mut rig = rig_with(&[("DriftPolicy", "Ignore")]).await;
    rig.set_settings(&[("DriftPolicy", "Report")]).await;
    // Nothing changes at the source that would bring a cycle.
    rig.good_cycle().await;
    rig.target.alter(&rig.account_anchor("user2"), "name", "Hacked".into());
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await.len(), 1);
}

#[tokio::test]
async fn a_change_at_the_source_is_no_drift() {
    let rig = rig_with(&[]).await;
    rig.source.upsert(user(2).with("displayName", "Married"));
    rig.source.remove_member("staff", "u3");
    rig.source.disable("u5");
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await, []);
    // A disabled account that somebody enables is drift.
    rig.target.alter(&rig.account_anchor("user5"), "active", true.into());
    a_day_later(&rig).await;
    let row = &found(&rig).await[0];
    assert_eq!((row.source.as_str(), row.attribute.as_str()), ("u5", "active"));
    assert_eq!((row.expected.as_deref(), row.found.as_deref()), (Some("False"), Some("True")));
}

#[tokio::test]
async fn secret_values_are_not_shown() {
    let mut secret = schema();
    secret["directories"][1]["objects"][0]["attributes"][2]["metadata"] =
        serde_json::json!([{"key": "Secret", "value": "true"}]);
    let target = MemoryTarget::new().unique("account", "userName");
    let rig = Rig::of(MemorySource::new(), target, secret, testkit::SeededEntropy::new(1)).await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.target.alter(&rig.account_anchor("user1"), "name", "Hacked".into());
    a_day_later(&rig).await;
    let row = &found(&rig).await[0];
    assert_eq!((row.expected.as_deref(), row.found.as_deref()), (Some("[Redact]"), Some("[Redact]")));
}

#[tokio::test]
async fn nobody_looks_where_drift_is_ignored() {
    let mut rig = rig_with(&[]).await;
    meddle(&rig);
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await.len(), 5);
    rig.set_settings(&[("DriftPolicy", "Ignore")]).await;
    rig.source.upsert(user(20));
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await, [], "what was found before is forgotten");
    rig.target.forget_calls();
    a_day_later(&rig).await;
    assert_eq!(rig.target.calls().total(), 0);
}

#[tokio::test]
async fn many_accounts_are_listed_and_few_are_read() {
    let target = MemoryTarget::new().unique("account", "userName").page_size(100);
    let rig = Rig::with(MemorySource::new(), target).await;
    for number in 0..700 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.target.alter(&rig.account_anchor("user699"), "name", "Hacked".into());
    rig.target.forget_calls();
    a_day_later(&rig).await;
    assert_eq!(found(&rig).await.len(), 1);
    let calls = rig.target.calls();
    assert_eq!(calls.of(testkit::Method::List), 7, "{calls:?}");
    assert!(calls.of(testkit::Method::Read) <= 2, "{calls:?}");
}

#[tokio::test]
async fn a_scan_that_is_stopped_goes_on_where_it_was() {
    let rig = rig_with(&[]).await;
    meddle(&rig);
    rig.target
        .faults()
        .always(&[testkit::Method::Read], testkit::Fault::Refuse(connector::ErrorClass::Unauthorized));
    rig.target
        .faults()
        .always(&[testkit::Method::Check], testkit::Fault::Refuse(connector::ErrorClass::Unauthorized));
    rig.clock.advance(SignedDuration::from_hours(25));
    assert!(matches!(rig.cycle().await, engine::CycleEnd::Failed(_)));
    rig.target.faults().heal();
    rig.good_cycle().await;
    assert_eq!(found(&rig).await.len(), 5);
}
