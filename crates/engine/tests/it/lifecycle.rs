//! The life of an object in a job, row by row: what a cycle sends, and what the job remembers afterwards.

use connector::TypeCapabilities;
use model::link::{LinkState, Origin};
use serde_json::{Value as Json, json};
use testkit::{Fault, MemorySource, MemoryTarget, Method, SeededEntropy};

use crate::rig::{Rig, group, managed_by, schema, user};

/// Users whose mapping was changed.
async fn rig_of(change: impl FnOnce(&mut Json)) -> Rig {
    rig_on(MemoryTarget::new().unique("account", "userName"), change).await
}

async fn rig_on(target: MemoryTarget, change: impl FnOnce(&mut Json)) -> Rig {
    let mut schema = schema();
    change(&mut schema["synchronizationRules"][0]["objectMappings"][0]);
    Rig::of(MemorySource::with_assignments(), target, schema, SeededEntropy::new(1)).await
}

fn filter(kind: &str, attribute: &str, operator: &str, value: &str) -> Json {
    json!({kind: [{"clauses": [{"sourceOperandName": attribute, "operatorName": operator,
        "targetOperand": {"values": [value]}}]}]})
}

/// Puts people at the source, assigned.
fn hire(rig: &Rig, people: std::ops::Range<u32>) {
    for number in people {
        rig.source.upsert(user(number));
        rig.source.assign(&format!("u{number}"));
    }
}

/// What the job remembers of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remembered {
    Nothing,
    /// Its last outcome alone.
    Outcome,
    Link(LinkState, Origin, bool),
}

async fn remembered(rig: &Rig, source: &str) -> Remembered {
    let entries = rig.store.entries(&rig.job.id, &[source.into()]).await.unwrap();
    match entries.first().map(|entry| entry.link.as_ref()) {
        None => Remembered::Nothing,
        Some(None) => Remembered::Outcome,
        Some(Some(link)) => Remembered::Link(link.state, link.origin, link.disabled),
    }
}

const ACTIVE: Remembered = Remembered::Link(LinkState::Active, Origin::Created, false);
const MATCHED: Remembered = Remembered::Link(LinkState::Active, Origin::Matched, false);
const DISABLED: Remembered = Remembered::Link(LinkState::Active, Origin::Created, true);
const RELEASED: Remembered = Remembered::Link(LinkState::Released, Origin::Created, true);

#[tokio::test]
async fn who_fails_the_input_filter_is_ignored_whatever_the_link() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..4);
    rig.good_cycle().await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] =
            filter("inputFilterGroups", "department", "EQUALS", "Sales");
    })
    .await;
    rig.source.disable("u1");
    hire(&rig, 5..6);
    rig.good_cycle().await;
    assert_eq!((rig.accounts().len(), rig.accounts()["user1"]), (4, true), "neither made nor disabled");
    rig.source.delete("u3");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 3, "that it is gone is not filtered");
}

#[tokio::test]
async fn a_match_is_linked_and_updated() {
    let rig = rig_of(|_| {}).await;
    rig.target.place("account", &[("userName", "user0".into()), ("name", "Old".into())]);
    hire(&rig, 0..1);
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
    assert_eq!(rig.account("user0").unwrap().get("name").to_string(), "Üser \"0\" \\");
    assert_eq!(remembered(&rig, "u0").await, MATCHED);
}

#[tokio::test]
async fn nobody_is_made_where_adds_do_not_flow() {
    let rig = rig_of(|mapping| mapping["flowTypes"] = json!("Update,Delete")).await;
    rig.target.place("account", &[("userName", "user0".into())]);
    hire(&rig, 0..2);
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
    assert_eq!(rig.story("u1").await, ["other skipped EntrySynchronizationSkipped"]);
    assert_eq!(remembered(&rig, "u1").await, Remembered::Outcome);
}

#[tokio::test]
async fn several_matches_wait_until_one_is_left() {
    let rig = rig_on(MemoryTarget::new(), |_| {}).await;
    let first = rig.target.place("account", &[("userName", "user0".into())]);
    rig.target.place("account", &[("userName", "user0".into())]);
    hire(&rig, 0..2);
    rig.good_cycle().await;
    assert_eq!(rig.story("u0").await, ["other failure DuplicateTargetEntries"]);
    assert_eq!(rig.target.len("account"), 3, "the others are done");
    rig.target.take_away(&first);
    rig.clock.advance(model::SignedDuration::from_mins(10));
    rig.good_cycle().await;
    assert_eq!(rig.target.len("account"), 2);
    assert_eq!(remembered(&rig, "u0").await, MATCHED);
}

#[tokio::test]
async fn an_account_that_is_not_found_is_matched_again_in_the_same_pass() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    let old = rig.account_anchor("user0");
    rig.target.take_away(&old);
    let new = rig.target.place("account", &[("userName", "user0".into())]);
    rig.source.upsert(user(0).with("displayName", "New"));
    rig.good_cycle().await;
    assert_eq!(rig.target.object(&new).unwrap().get("name").to_string(), "New");
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(remembered(&rig, "u0").await, MATCHED);
}

#[tokio::test]
async fn a_released_account_is_taken_up_again_with_its_groups() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..2);
    rig.source.upsert(group("staff"));
    rig.source.assign("staff");
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    let account = rig.account_anchor("user0");
    let team = rig.target.objects("team")[0].anchor.clone();
    rig.source.remove_member("staff", "u0");
    rig.source.unassign("u0");
    rig.good_cycle().await;
    assert_eq!(remembered(&rig, "u0").await, RELEASED);
    assert!(!rig.accounts()["user0"] && rig.target.references(&team, "members").is_empty());
    rig.source.assign("u0");
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    assert_eq!((rig.account_anchor("user0"), rig.accounts()["user0"]), (account.clone(), true));
    assert_eq!(rig.target.references(&team, "members"), [account]);
    assert_eq!(remembered(&rig, "u0").await, ACTIVE);
}

#[tokio::test]
async fn who_is_not_active_and_was_never_provisioned_is_not_made() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..4);
    rig.source.disable("u0");
    rig.source.soft_delete("u1");
    rig.source.unassign("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
    for source in ["u0", "u1", "u2"] {
        assert_eq!(rig.story(source).await, ["other skipped EntrySynchronizationSkipped"], "{source}");
    }
}

#[tokio::test]
async fn who_is_released_is_left_alone() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.unassign("u0");
    rig.good_cycle().await;
    rig.target.alter(&rig.account_anchor("user0"), "active", true.into());
    rig.source.upsert(user(0).with("displayName", "Left"));
    rig.source.disable("u0");
    rig.good_cycle().await;
    assert!(rig.accounts()["user0"], "what others do with a released account is theirs");
    assert_eq!(remembered(&rig, "u0").await, RELEASED);
}

#[tokio::test]
async fn who_loses_access_keeps_the_account_where_the_secret_says_so() {
    let rig = rig_of(|_| {}).await;
    rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
    hire(&rig, 0..4);
    rig.good_cycle().await;
    rig.source.unassign("u0");
    rig.source.disable("u1");
    rig.source.soft_delete("u2");
    rig.good_cycle().await;
    let active = |name: &str| rig.accounts()[name];
    assert!(active("user0") && !active("user1") && !active("user2"));
    assert_eq!(remembered(&rig, "u0").await, ACTIVE);
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert!(rig.account("user0").is_none(), "gone is another reason");
}

#[tokio::test]
async fn disabling_sends_only_what_reads_is_soft_deleted_and_releases_by_reason() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..6);
    rig.good_cycle().await;
    for number in 0..4 {
        rig.source.upsert(user(number).with("displayName", "Changed"));
    }
    rig.source.disable("u0");
    rig.source.soft_delete("u1");
    rig.source.unassign("u2");
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] =
            filter("groups", "login", "NOT EQUALS", "user3");
    })
    .await;
    rig.good_cycle().await;
    for number in 0..4 {
        let account = rig.account(&format!("user{number}")).unwrap();
        assert_ne!(account.get("name").to_string(), "Changed", "{number}");
        assert_eq!(account.get("active").as_boolean(), Some(false), "{number}");
    }
    for (source, link) in [("u0", DISABLED), ("u1", DISABLED), ("u2", RELEASED), ("u3", RELEASED)] {
        assert_eq!(remembered(&rig, source).await, link, "{source}");
    }
}

#[tokio::test]
async fn a_soft_delete_disables_and_the_purge_deletes() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..4);
    rig.good_cycle().await;
    rig.source.soft_delete("u0");
    rig.good_cycle().await;
    assert!(!rig.accounts()["user0"]);
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert!(rig.account("user0").is_none());
    assert_eq!(rig.story("u0").await, ["create success", "disable success", "delete success"]);
    assert_eq!(remembered(&rig, "u0").await, Remembered::Nothing);
}

#[tokio::test]
async fn without_soft_delete_at_the_target_whoever_is_not_active_is_deleted() {
    let hard = TypeCapabilities { kind: "account".into(), soft_delete: false, ..TypeCapabilities::default() };
    let target = || MemoryTarget::new().unique("account", "userName").with_type(hard.clone());
    let rig = rig_on(target(), |_| {}).await;
    hire(&rig, 0..6);
    rig.good_cycle().await;
    rig.source.disable("u0");
    rig.source.soft_delete("u1");
    rig.source.unassign("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 3);
    assert_eq!(remembered(&rig, "u0").await, Remembered::Outcome, "it is remembered for its last outcome");
    rig.source.enable("u0");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 4, "made anew");

    let rig = rig_on(target(), |mapping| mapping["flowTypes"] = json!("Add,Update")).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.disable("u0");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(rig.story("u0").await.last().unwrap(), "other skipped NoDeprovisioningConfigured");
}

#[tokio::test]
async fn without_a_mapping_that_disables_the_account_is_left_with_words() {
    let keep = |mapping: &mut Json| mapping["attributeMappings"].as_array_mut().unwrap().remove(3);
    let rig = rig_of(|mapping| drop(keep(mapping))).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.disable("u0");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(rig.story("u0").await.last().unwrap(), "other skipped NoDeprovisioningConfigured");
    assert_eq!(remembered(&rig, "u0").await, ACTIVE);

    let rig = rig_of(|mapping| mapping["flowTypes"] = json!("Add,Delete")).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.disable("u0");
    rig.good_cycle().await;
    assert!(rig.accounts()["user0"], "updates do not flow");
    assert_eq!(rig.story("u0").await.last().unwrap(), "other skipped NoDeprovisioningConfigured");
}

#[tokio::test]
async fn who_is_gone_is_forgotten_where_deletes_do_not_flow() {
    let rig = rig_of(|mapping| mapping["flowTypes"] = json!("Add,Update")).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert!(rig.accounts()["user0"], "nothing was sent");
    assert_eq!(remembered(&rig, "u0").await, Remembered::Nothing);
}

#[tokio::test]
async fn who_is_gone_after_being_released_is_forgotten_and_nothing_is_sent() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.unassign("u0");
    rig.good_cycle().await;
    rig.target.forget_calls();
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert_eq!((rig.accounts().len(), rig.target.calls().writes()), (2, 0));
    assert_eq!(remembered(&rig, "u0").await, Remembered::Nothing);
}

#[tokio::test]
async fn who_is_gone_before_being_made_leaves_no_trace() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..1);
    rig.source.upsert(managed_by(user(1), 0));
    rig.source.assign("u1");
    rig.target.faults().always(&[Method::Create], Fault::Refuse(connector::ErrorClass::Permanent));
    rig.good_cycle().await;
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 2);
    rig.source.delete("u0");
    rig.source.delete("u1");
    rig.good_cycle().await;
    let store = &rig.store;
    assert_eq!(store.escrow_count(&rig.job.id).await.unwrap(), 0);
    assert_eq!(store.edges_of(&rig.job.id, "rule", &"u1".into()).await.unwrap(), []);
    assert_eq!(store.open_intents(&rig.job.id).await.unwrap(), []);
    assert!(rig.accounts().is_empty());
}

/// A cycle in which an account is made and the answer lost, and then the target is out of reach.
async fn lose_an_answer(rig: &Rig) {
    rig.target.faults().next(Method::Create, Fault::lost_answer());
    rig.target
        .faults()
        .always(&[Method::Find, Method::Check], Fault::Refuse(connector::ErrorClass::Unavailable));
    rig.cycle().await;
}

#[tokio::test]
async fn what_a_lost_answer_made_goes_with_its_object() {
    let mut rig = rig_of(|_| {}).await;
    hire(&rig, 0..1);
    lose_an_answer(&rig).await;
    assert_eq!(rig.accounts().len(), 1);
    rig.source.delete("u0");
    rig.target.faults().heal();
    rig.restart_process().await;
    rig.good_cycle().await;
    assert!(rig.accounts().is_empty(), "it was this job's");
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
}

/// Nobody knows yet that the account is there, and it is to stay as it is for now: later it is reached all the same.
#[tokio::test]
async fn what_a_lost_answer_made_is_remembered_where_it_is_left_alone() {
    for why in ["out of scope", "filtered", "excluded"] {
        let mut rig = rig_of(|_| {}).await;
        rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
        hire(&rig, 0..1);
        lose_an_answer(&rig).await;
        let input = |groups: Json| {
            move |schema: &mut Json| {
                schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = groups;
            }
        };
        match why {
            "out of scope" => rig.source.unassign("u0"),
            "filtered" => {
                let sales = filter("inputFilterGroups", "department", "EQUALS", "Sales");
                rig.change_schema(input(sales)).await;
            }
            _ => drop(rig.engine.exclude(&rig.job, "u0".into(), "later".into(), "me".into()).await.unwrap()),
        }
        rig.target.faults().heal();
        rig.restart_process().await;
        rig.good_cycle().await;
        assert!(rig.accounts()["user0"], "{why}");
        assert_eq!(remembered(&rig, "u0").await, ACTIVE, "{why}");
        assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), [], "{why}");
        match why {
            "filtered" => rig.change_schema(input(json!({}))).await,
            "excluded" => drop(rig.engine.readmit(&rig.job, &"u0".into()).await.unwrap()),
            _ => {}
        }
        rig.source.disable("u0");
        rig.good_cycle().await;
        assert!(!rig.accounts()["user0"], "{why}");
    }
}

#[tokio::test]
async fn a_match_of_a_released_account_takes_it_from_its_object() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..2);
    rig.good_cycle().await;
    let account = rig.account_anchor("user0");
    rig.source.unassign("u0");
    rig.good_cycle().await;
    rig.source.upsert(user(5).with("login", "user0"));
    rig.source.assign("u5");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(remembered(&rig, "u5").await, MATCHED);
    assert_eq!(remembered(&rig, "u0").await, Remembered::Outcome);
    assert!(rig.target.object(&account).unwrap().get("active").as_boolean().unwrap());
}

/// In one cycle a released account is taken up again by its own object, under another login, and matched by another
/// object that has got the old one.
#[tokio::test]
async fn a_released_account_that_two_objects_want_at_once_becomes_that_of_one() {
    for owner_first in [true, false] {
        let rig = rig_on(MemoryTarget::new(), |_| {}).await;
        hire(&rig, 0..2);
        rig.good_cycle().await;
        rig.source.unassign("u1");
        rig.good_cycle().await;
        assert_eq!(remembered(&rig, "u1").await, RELEASED);
        // The source tells of objects in the order in which they changed.
        for owner in [owner_first, !owner_first] {
            if owner {
                rig.source.set("u1", "login", "married");
                rig.source.assign("u1");
            } else {
                rig.source.upsert(user(5).with("login", "user1"));
                rig.source.assign("u5");
            }
        }
        rig.good_cycle().await;
        let names: Vec<String> = rig.accounts().into_keys().collect();
        assert_eq!(names, ["married", "user0", "user1"], "the owner first: {owner_first}");
        assert!(rig.accounts().values().all(|active| *active));
        let mut anchors = Vec::new();
        for source in ["u1", "u5"] {
            let entries = rig.store.entries(&rig.job.id, &[source.into()]).await.unwrap();
            anchors.push(entries[0].link.clone().unwrap().anchor);
        }
        assert_eq!(anchors, [rig.account_anchor("married"), rig.account_anchor("user1")]);
    }
}

#[tokio::test]
async fn a_match_of_an_account_in_use_fails_and_names_both() {
    let rig = rig_of(|_| {}).await;
    hire(&rig, 0..1);
    rig.good_cycle().await;
    rig.source.upsert(user(5).with("login", "user0"));
    rig.source.assign("u5");
    rig.good_cycle().await;
    let log = rig.log().await;
    let failure = log.iter().find_map(|record| record.failure.clone()).unwrap();
    assert_eq!(failure.code, model::FailureCode::DuplicateSourceEntries);
    assert!(
        failure.detail.contains("(u0)") && failure.detail.contains(rig.account_anchor("user0").as_str()),
        "{failure}"
    );
    assert_eq!(rig.accounts().len(), 1);
}
