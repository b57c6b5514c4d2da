//! Initial and incremental cycles: what they export, and what they leave alone.

use model::Value;
use model::job::ExecutionResult;
use serde_json::json;
use testkit::{MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, anchor, group, managed_by, user};

#[tokio::test]
async fn an_initial_cycle_provisions_people_managers_and_groups() {
    let rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.upsert(user(2));
    rig.source.upsert(managed_by(user(3), 1));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.source.add_member("staff", "u3");
    rig.good_cycle().await;

    assert_eq!(rig.accounts().len(), 3);
    let first = rig.account("user1").unwrap();
    assert_eq!(first.get("name").as_text(), Some("Üser \"1\" \\"));
    let second = rig.account_anchor("user2");
    assert_eq!(first.get("manager"), &Value::Reference(second));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    let mut members = rig.target.references(&team.anchor, "members");
    members.sort();
    let mut expected = vec![rig.account_anchor("user1"), rig.account_anchor("user3")];
    expected.sort();
    assert_eq!(members, expected);

    let status = rig.status().await;
    let execution = status.last_execution.unwrap();
    assert_eq!(execution.result, ExecutionResult::Succeeded);
    assert_eq!(execution.counters.imported, 4);
    assert_eq!(execution.counters.exported, 4 + 3, "four objects, two managers, one group's members");
    assert_eq!(status.entries_by_type["User to account"], 3);
    assert_eq!(status.entries_by_type["Group to team"], 1);
    assert_eq!(rig.story("u2").await, ["create success"]);
}

#[tokio::test]
async fn an_incremental_cycle_touches_what_changed_and_nothing_else() {
    let rig = Rig::new().await;
    for number in 0..50 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.target.forget_calls();
    rig.source.forget_calls();
    let yielded = rig.source.yielded();
    rig.source.set("u7", "displayName", "Renamed");
    rig.source.upsert(user(50));
    rig.good_cycle().await;
    assert_eq!(rig.account("user7").unwrap().get("name").as_text(), Some("Renamed"));
    assert!(rig.account("user50").is_some());
    let calls = rig.target.calls();
    assert_eq!(
        (calls.of(Method::Read), calls.of(Method::Find), calls.of(Method::Update), calls.of(Method::Create)),
        (1, 1, 1, 1)
    );
    assert_eq!(calls.total(), 4);
    assert!(rig.source.yielded() - yielded <= 3, "only changed objects are read");
}

#[tokio::test]
async fn a_cycle_with_nothing_to_do_asks_and_writes_nothing() {
    let rig = Rig::new().await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    let (status, yielded) = (rig.status().await, rig.source.yielded());
    let runtime = rig.store.runtime(&rig.job.id).await.unwrap();
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().total(), 0);
    assert_eq!(rig.source.yielded(), yielded);
    assert_eq!(rig.status().await, status);
    assert_eq!(rig.store.runtime(&rig.job.id).await.unwrap(), runtime);
    let view = rig.engine.view(rig.job.clone()).await.unwrap();
    assert!(
        view.status.steady_state_last > status.steady_state_last,
        "the steady state is noted all the same"
    );
}

#[tokio::test]
async fn what_is_there_is_matched_and_not_made_again() {
    let rig = Rig::new().await;
    for number in 0..10 {
        rig.source.upsert(user(number));
    }
    for number in 0..4 {
        let user = user(number);
        let mut attributes = vec![
            ("userName", user.get("login").clone()),
            ("name", user.get("displayName").clone()),
            ("department", user.get("department").clone()),
            ("active", Value::Boolean(true)),
        ];
        if number == 3 {
            attributes[1].1 = "Somebody".into();
        }
        rig.target.place("account", &attributes);
    }
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 10);
    let calls = rig.target.calls();
    assert_eq!(calls.of(Method::Find), 0, "one listing answers for all");
    assert_eq!((calls.of(Method::Create), calls.of(Method::Update)), (6, 1));
    assert_eq!(rig.story("u3").await, ["update success"]);
    assert_eq!(rig.story("u0").await, ["other skipped RedundantExport"]);
}

#[tokio::test]
async fn references_heal_in_a_later_cycle() {
    let rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 9));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u9");
    rig.good_cycle().await;
    assert!(rig.account("user1").unwrap().get("manager").is_null());
    rig.source.upsert(user(9));
    rig.good_cycle().await;
    let manager = rig.account_anchor("user9");
    assert_eq!(rig.account("user1").unwrap().get("manager").as_reference(), Some(&manager));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members"), [manager]);
}

#[tokio::test]
async fn references_follow_the_source() {
    let rig = Rig::new().await;
    for number in 1..=3 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(managed_by(user(4), 1));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    rig.source.upsert(managed_by(user(4), 2));
    rig.source.remove_member("staff", "u1");
    rig.source.add_member("staff", "u3");
    rig.good_cycle().await;
    let account = rig.account("user4").unwrap();
    assert_eq!(account.get("manager").as_reference(), Some(&rig.account_anchor("user2")));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members"), [rig.account_anchor("user3")]);
    rig.source.upsert(user(4));
    rig.good_cycle().await;
    assert!(rig.account("user4").unwrap().get("manager").is_null());
}

#[tokio::test]
async fn assignments_decide_who_is_provisioned() {
    let rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    for number in 1..=4 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u2");
    rig.source.assign("u1");
    rig.source.assign("staff");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().keys().collect::<Vec<_>>(), ["user1", "user2"]);
    assert_eq!(rig.story("u3").await, ["other skipped EntrySynchronizationSkipped"]);
    rig.source.add_member("staff", "u3");
    rig.source.unassign("u1");
    rig.good_cycle().await;
    let expected = [("user1".to_owned(), false), ("user2".to_owned(), true), ("user3".to_owned(), true)];
    assert_eq!(rig.accounts(), expected.into());
    rig.source.assign("u1");
    rig.good_cycle().await;
    assert!(rig.accounts()["user1"], "the same account is taken up again");
    assert_eq!(rig.accounts().len(), 3);
}

#[tokio::test]
async fn a_name_passes_from_one_to_another_in_one_cycle() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let account = rig.account_anchor("user1");
    rig.source.upsert(user(2).with("login", "user1"));
    rig.source.set("u1", "login", "renamed");
    rig.good_cycle().await;
    assert_eq!(rig.account("renamed").unwrap().anchor, account);
    assert_ne!(rig.account_anchor("user1"), account);
    assert_eq!(rig.accounts().len(), 2);
}

#[tokio::test]
async fn two_objects_with_one_name_get_one_account_and_a_clear_failure() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2).with("login", "USER1"));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
    let log = rig.log().await;
    let failure = log.iter().find_map(|record| record.failure.as_ref()).unwrap();
    assert_eq!(failure.code.wire(), "DuplicateSourceEntries");
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 1);
}

#[tokio::test]
async fn a_changed_schema_makes_the_next_cycle_initial() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.change_schema(|schema| {
        let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][1];
        mapping["source"]["expression"] = json!("ToUpper([login])");
    })
    .await;
    rig.good_cycle().await;
    assert_eq!(rig.account("user2").unwrap().get("name").as_text(), Some("USER2"));
    assert_eq!(rig.accounts().len(), 3);
}

#[tokio::test]
async fn a_forgotten_watermark_makes_a_full_read() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.source.set("u1", "displayName", "Renamed");
    rig.source.forget_history();
    rig.good_cycle().await;
    assert_eq!(rig.account("user1").unwrap().get("name").as_text(), Some("Renamed"));
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().total(), 0);
}

#[tokio::test]
async fn another_target_is_not_taken_for_the_one_before() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let anchor = rig.account_anchor("user1");
    rig.target.take_away(&anchor);
    rig.factory.move_to("elsewhere");
    rig.set_secrets(&[("BaseAddress", "elsewhere")]).await;
    rig.good_cycle().await;
    assert!(rig.account("user1").is_some());
}

#[tokio::test]
async fn an_account_that_was_deleted_by_hand_comes_back_with_its_references() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(managed_by(user(2), 1));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    let lost = rig.account_anchor("user1");
    rig.target.take_away(&lost);
    rig.source.set("u1", "department", "Legal");
    rig.good_cycle().await;
    let again = rig.account_anchor("user1");
    assert_ne!(again, lost);
    assert_eq!(rig.account("user2").unwrap().get("manager").as_reference(), Some(&again));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert!(rig.target.references(&team.anchor, "members").contains(&again));
    assert_eq!(anchor(1), "u1");
}

#[tokio::test]
async fn a_group_that_comes_back_before_its_removal_was_sent_has_the_members_that_it_has_now() {
    let mut rig = Rig::new().await;
    for number in 1..=2 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    let team = rig.target.object_by("team", "name", "staff").unwrap().anchor;
    // The limit holds the removal, and the change feed passes what the group referred to.
    rig.set_settings(&[("MaxDeletes", "1")]).await;
    rig.source.delete("staff");
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members"), [rig.account_anchor("user1")]);
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u2");
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members"), [rig.account_anchor("user2")]);
}
