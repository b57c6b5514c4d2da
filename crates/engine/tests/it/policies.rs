//! What a job may touch: limits, ownership, accounts that are never touched, how long disabled accounts are kept.

use engine::{CycleEnd, ResetScope};
use model::job::QuarantineReason;
use model::link::StagedKind;
use model::provisioning::Action;
use model::{Clock as _, SignedDuration, Uuid};
use serde_json::json;
use testkit::{MemorySource, MemoryTarget};

use crate::rig::{NOTHING, Rig, group, managed_by, user};

async fn rig_of(people: u32) -> Rig {
    let rig = Rig::new().await;
    for number in 0..people {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig
}

fn reason(status: &model::job::JobStatus) -> Option<QuarantineReason> {
    status.quarantine.as_ref().map(|quarantine| quarantine.reason)
}

#[tokio::test]
async fn no_account_is_made_when_more_would_be_than_the_limit_allows() {
    let mut rig = rig_of(10).await;
    rig.set_settings(&[("MaxCreates", "5")]).await;
    for number in 10..15 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(user(1).with("displayName", "Changed"));
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 10, "not one of the five");
    assert_eq!(rig.account("user1").unwrap().get("name").to_string(), "Changed", "updates go on");
    let status = rig.status().await;
    assert_eq!(reason(&status), Some(QuarantineReason::TooManyCreates));
    assert!(status.quarantine.unwrap().error.unwrap().message.contains("MaxCreates"));
    assert_eq!(rig.story("u12").await, ["create warning"]);
    let said = rig
        .log()
        .await
        .iter()
        .flat_map(|one| one.steps.clone())
        .map(|step| step.describe())
        .collect::<Vec<_>>();
    assert!(said.iter().any(|words| words.contains("MaxCreates")), "{said:?}");

    // They wait from cycle to cycle, and are told of once.
    rig.good_cycle().await;
    assert_eq!((rig.accounts().len(), rig.story("u12").await.len()), (10, 1));

    rig.engine.allow_held(&rig.job, &[StagedKind::Create]).await.unwrap();
    rig.source.upsert(user(15));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 16, "those that were agreed to, and one more within the limit");
    assert_eq!(reason(&rig.status().await), None);
}

#[tokio::test]
async fn creates_within_the_limit_are_made_in_their_cycle_with_their_references() {
    let mut rig = rig_of(10).await;
    rig.set_settings(&[("MaxCreates", "50%")]).await;
    rig.source.upsert(managed_by(user(10), 11));
    rig.source.upsert(user(11));
    rig.good_cycle().await;
    let boss = rig.account_anchor("user11");
    let shown = rig.account("user10").unwrap().get("manager").as_reference().cloned();
    assert_eq!(shown, Some(boss));
    assert_eq!(rig.store.staged_counts(&rig.job.id).await.unwrap(), []);
}

#[tokio::test]
async fn limits_on_creates_hold_over_the_last_forty_minutes() {
    let mut rig = rig_of(10).await;
    rig.set_settings(&[("MaxCreates", "3")]).await;
    for number in 10..12 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 12);
    rig.source.upsert(user(12));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 12, "the third within 40 minutes");
    rig.clock.advance(SignedDuration::from_mins(41));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 13);
}

#[tokio::test]
async fn no_account_is_changed_when_more_would_be_than_the_limit_allows() {
    let mut rig = rig_of(10).await;
    rig.set_settings(&[("MaxUpdates", "25%")]).await;
    for number in 0..3 {
        rig.source.upsert(user(number).with("displayName", "Changed"));
    }
    rig.source.upsert(user(20));
    rig.good_cycle().await;
    let changed = || {
        let accounts = rig.target.objects("account");
        accounts.iter().filter(|account| account.get("name").to_string() == "Changed").count()
    };
    assert_eq!((changed(), rig.accounts().len()), (0, 11), "creates go on");
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyUpdates));
    // What is undone at the source no longer waits, and the rest is within the limit.
    rig.source.upsert(user(0));
    rig.good_cycle().await;
    assert_eq!(changed(), 2);
    assert_eq!(reason(&rig.status().await), None);
}

#[tokio::test]
async fn consent_is_for_what_was_held_when_it_was_given() {
    let mut rig = rig_of(40).await;
    rig.set_settings(&[("MaxDeletes", "4")]).await;
    for number in 0..5 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 40);
    rig.restart(ResetScope { force_deletes: true, ..NOTHING }).await;
    for number in 5..10 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 35, "the five that were known, not the five that came since");
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
    // What was agreed to does not count towards the limit.
    for number in 6..10 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 34);
    assert_eq!(reason(&rig.status().await), None);
}

#[tokio::test]
async fn consent_that_is_not_used_up_at_once_is_not_for_what_came_since() {
    let mut rig = rig_of(40).await;
    rig.set_settings(&[("MaxDeletes", "4")]).await;
    for number in 0..5 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.good_cycle().await;
    rig.restart(ResetScope { force_deletes: true, ..NOTHING }).await;
    for number in 5..10 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.target.faults().unauthorized_from_now_on();
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    rig.target.faults().heal();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 35, "the five that were known, not the five that came since");
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 35);
}

#[tokio::test]
async fn consent_for_nothing_ends_with_the_cycle() {
    let mut rig = rig_of(40).await;
    rig.set_settings(&[("MaxDeletes", "4")]).await;
    rig.restart(ResetScope { force_deletes: true, ..NOTHING }).await;
    rig.good_cycle().await;
    for number in 0..5 {
        rig.source.delete(&format!("u{number}"));
    }
    for _ in 0..3 {
        rig.good_cycle().await;
    }
    assert_eq!(rig.accounts().len(), 40);
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
}

#[tokio::test]
async fn the_threshold_of_the_notification_settings_trips_at_its_value() {
    let rig = rig_of(100).await;
    let settings = json!({"Enabled": true, "DeleteThresholdEnabled": true, "DeleteThresholdValue": 3});
    rig.set_secrets(&[("SyncNotificationSettings", &settings.to_string())]).await;
    rig.source.delete("u0");
    rig.source.disable("u1");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().values().filter(|active| **active).count(), 98);
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 99, "disables and deletes count together");
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
}

#[tokio::test]
async fn a_source_that_suddenly_shows_nobody_of_a_type_removes_nobody() {
    let rig = rig_of(40).await;
    rig.source.upsert(group("staff"));
    rig.good_cycle().await;
    rig.source.delete("staff");
    rig.source.forget_history();
    rig.good_cycle().await;
    assert_eq!(rig.target.len("team"), 1, "one of one, but none was shown");
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
    // That it was deleted is stronger evidence than that it is not listed.
    let rig = rig_of(40).await;
    rig.source.upsert(group("staff"));
    rig.good_cycle().await;
    rig.source.delete("staff");
    rig.good_cycle().await;
    assert_eq!(rig.target.len("team"), 0);
}

#[tokio::test]
async fn two_jobs_on_one_target_each_touch_only_their_own_accounts() {
    let target = MemoryTarget::new().unique("account", "userName");
    let other = target.place("account", &[("userName", "user1".into()), ("name", "Theirs".into())]);
    let mut rig = Rig::with(MemorySource::new(), target).await;
    rig.set_settings(&[("Ownership", "CreatedByJob")]).await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u0");
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    let theirs = || rig.target.object(&other).unwrap();
    assert_eq!(theirs().get("name").to_string(), "Theirs");
    assert_eq!(rig.accounts().len(), 3);
    assert_eq!(rig.story("u1").await, ["other skipped EntrySynchronizationSkipped"]);
    // It can be a member of the job's own team all the same.
    let team = rig.target.objects("team")[0].anchor.clone();
    assert_eq!(rig.target.references(&team, "members").len(), 2);

    rig.source.upsert(managed_by(user(1), 0).with("displayName", "Mine"));
    rig.good_cycle().await;
    assert_eq!(theirs().get("name").to_string(), "Theirs");
    assert!(theirs().get("manager").is_null());
    rig.source.disable("u1");
    rig.good_cycle().await;
    rig.source.delete("u1");
    rig.good_cycle().await;
    assert_eq!(theirs().get("name").to_string(), "Theirs");
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 2, "its own is deleted");
}

#[tokio::test]
async fn ownership_that_is_switched_on_holds_for_accounts_that_are_linked() {
    let target = MemoryTarget::new().unique("account", "userName");
    let team = target.place("team", &[("name", "staff".into())]);
    target.place("account", &[("userName", "user0".into())]);
    let mut rig = Rig::with(MemorySource::new(), target).await;
    rig.source.upsert(user(0));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members").len(), 1);
    rig.set_settings(&[("Ownership", "CreatedByJob")]).await;
    rig.source.upsert(user(1));
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members").len(), 1, "the team is another's");
    assert!(rig.account("user1").is_some());
    rig.good_cycle().await;
}

#[tokio::test]
async fn accounts_that_are_never_touched_stay_as_they_are() {
    let target = MemoryTarget::new().unique("account", "userName");
    let service = target.place("account", &[("userName", "user1".into()), ("department", "Service".into())]);
    let mut rig = Rig::with(MemorySource::new(), target).await;
    let never = json!([{"clauses": [{"sourceOperandName": "department", "operatorName": "EQUALS",
        "targetOperand": {"values": ["Service"]}}]}]);
    rig.set_settings(&[("NeverTouch", &never.to_string())]).await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    let shown = || rig.target.object(&service).unwrap().get("department").to_string();
    assert_eq!((shown(), rig.accounts().len()), ("Service".to_owned(), 3));
    let words: Vec<String> =
        rig.log().await.iter().flat_map(|one| one.steps.clone()).map(|step| step.describe()).collect();
    assert!(words.iter().any(|one| one.contains("department EQUALS 'Service'")), "{words:?}");

    // One that comes to satisfy the clause is let go of, whatever happens to its object.
    let own = rig.account_anchor("user2");
    rig.target.alter(&own, "department", "Service".into());
    rig.source.disable("u2");
    rig.good_cycle().await;
    assert!(rig.accounts()["user2"]);
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 3);
}

#[tokio::test]
async fn members_of_a_protected_team_are_not_changed() {
    let mut rig = rig_of(3).await;
    let never = json!([{"clauses": [{"sourceOperandName": "name", "operatorName": "EQUALS",
        "targetOperand": {"values": ["closed"]}}]}]);
    rig.set_settings(&[("NeverTouch", &never.to_string())]).await;
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    let team = rig.target.objects("team")[0].anchor.clone();
    rig.target.alter(&team, "name", "closed".into());
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members").len(), 1);
}

#[tokio::test]
async fn a_clause_on_an_attribute_that_the_target_lacks_stops_the_job_with_words() {
    let mut rig = rig_of(3).await;
    let never = json!([{"clauses": [{"sourceOperandName": "departement", "operatorName": "IS NOT NULL"}]}]);
    rig.set_settings(&[("NeverTouch", &never.to_string())]).await;
    rig.cycle().await;
    let error = rig.status().await.quarantine.unwrap().error.unwrap();
    assert!(error.message.contains("departement IS NOT NULL"), "{error:?}");
    assert_eq!(error.code, "SchemaAttributeNotFound");
}

/// Twenty accounts, of which those in IT have left the scope.
async fn with_released(settings: &[(&str, &str)]) -> Rig {
    let mut rig = rig_of(20).await;
    rig.set_settings(settings).await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
            {"sourceOperandName": "login", "operatorName": "NOT REGEX MATCH", "targetOperand": {"values": ["^user1[0-4]$"]}}
        ]}]});
    })
    .await;
    rig.good_cycle().await;
    assert_eq!(rig.accounts().values().filter(|active| **active).count(), 15);
    rig
}

#[tokio::test]
async fn a_released_account_is_deleted_when_its_time_is_over() {
    let rig = with_released(&[("DeleteAfterDisabled", "P30D"), ("MaxDisables", "50")]).await;
    rig.clock.advance(SignedDuration::from_hours(29 * 24));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 20);
    // One that comes back in time stays.
    rig.source.upsert(user(10).with("login", "user10b"));
    rig.good_cycle().await;
    rig.clock.advance(SignedDuration::from_hours(2 * 24));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 16);
    assert_eq!(rig.story("u11").await.last().unwrap(), "delete success");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 16);
}

#[tokio::test]
async fn accounts_whose_time_is_over_count_towards_the_limits() {
    let rig =
        with_released(&[("DeleteAfterDisabled", "P1D"), ("MaxDisables", "50"), ("MaxDeletes", "5")]).await;
    rig.clock.advance(SignedDuration::from_hours(25));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 20);
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
    let held = rig.log().await.iter().filter(|one| one.action == Action::StagedDelete).count();
    assert_eq!(held, 5);
    rig.good_cycle().await;
    let held = rig.log().await.iter().filter(|one| one.action == Action::StagedDelete).count();
    assert_eq!(held, 5, "told once");
    rig.engine.allow_held(&rig.job, &[StagedKind::Delete]).await.unwrap();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 15);
}

#[tokio::test]
async fn an_object_that_is_excluded_keeps_its_members_and_gets_the_others_when_it_is_readmitted() {
    let rig = rig_of(4).await;
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    let team = rig.target.objects("team")[0].anchor.clone();
    let members = || rig.target.references(&team, "members").len();
    rig.engine.exclude(&rig.job, "staff".into(), "reorganization".into(), "me".into()).await.unwrap();
    rig.source.add_member("staff", "u1");
    rig.source.add_member("staff", "u2");
    rig.source.remove_member("staff", "u0");
    rig.good_cycle().await;
    assert_eq!(members(), 1);
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert!(rig.engine.readmit(&rig.job, &"staff".into()).await.unwrap());
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team, "members"), [rig.account_anchor("user1")]);
    assert!(!rig.engine.readmit(&rig.job, &"staff".into()).await.unwrap());
}

#[tokio::test]
async fn an_exclusion_that_could_not_be_ended_is_there_still() {
    let rig = rig_of(2).await;
    rig.engine.exclude(&rig.job, "u0".into(), "on leave".into(), "me".into()).await.unwrap();
    rig.source.upsert(user(0).with("displayName", "Changed"));
    rig.good_cycle().await;
    rig.clock.advance(SignedDuration::from_hours(1));
    let now = rig.clock.now();
    let until = now.checked_add(SignedDuration::from_mins(1)).unwrap();
    let other = rig.store.lease(&rig.job.id, Uuid::from_u128(77), now, until).await.unwrap();
    assert!(other.is_some(), "another process runs the job");
    assert!(rig.engine.readmit(&rig.job, &"u0".into()).await.is_err());
    rig.clock.advance(SignedDuration::from_mins(2));
    assert!(rig.engine.readmit(&rig.job, &"u0".into()).await.unwrap());
    rig.good_cycle().await;
    assert_eq!(rig.account("user0").unwrap().get("name").to_string(), "Changed");
}

#[tokio::test]
async fn who_is_excluded_and_gone_keeps_the_account_until_the_exclusion_ends() {
    let rig = rig_of(12).await;
    rig.engine.exclude(&rig.job, "u0".into(), "litigation hold".into(), "me".into()).await.unwrap();
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert!(rig.accounts()["user0"]);
    rig.source.forget_history();
    rig.good_cycle().await;
    assert!(rig.accounts()["user0"]);
    rig.engine.readmit(&rig.job, &"u0".into()).await.unwrap();
    rig.good_cycle().await;
    assert_eq!((rig.accounts().len(), rig.accounts().get("user0")), (11, None));
}

#[tokio::test]
async fn what_is_held_waits_no_longer_once_its_object_is_excluded() {
    let mut rig = rig_of(12).await;
    rig.set_settings(&[("MaxDisables", "2")]).await;
    rig.source.disable("u0");
    rig.source.disable("u1");
    rig.good_cycle().await;
    assert_eq!(reason(&rig.status().await), Some(QuarantineReason::TooManyDeletes));
    rig.engine.exclude(&rig.job, "u0".into(), "a mistake".into(), "me".into()).await.unwrap();
    rig.good_cycle().await;
    assert_eq!((rig.accounts()["user0"], rig.accounts()["user1"]), (true, false));
    assert_eq!(reason(&rig.status().await), None);
    rig.clock.advance(SignedDuration::from_mins(41));
    rig.engine.readmit(&rig.job, &"u0".into()).await.unwrap();
    rig.good_cycle().await;
    assert!(!rig.accounts()["user0"], "it is decided again, and within the limit");
}
