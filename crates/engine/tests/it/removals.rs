//! Disables and deletes: staged, limited, held for consent.

use connector::ErrorClass;
use engine::{CycleEnd, ResetScope};
use model::job::QuarantineReason;
use serde_json::json;
use testkit::{Fault, MemorySource, MemoryTarget, Method};

use crate::rig::{NOTHING, Rig, anchor, group, user};

async fn rig_of(people: u32) -> Rig {
    let rig = Rig::new().await;
    for number in 0..people {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig
}

fn active(rig: &Rig) -> usize {
    rig.accounts().values().filter(|active| **active).count()
}

#[tokio::test]
async fn who_is_disabled_at_the_source_is_disabled_and_comes_back() {
    let rig = rig_of(20).await;
    rig.source.disable("u1");
    rig.source.soft_delete("u2");
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.accounts().len()), (18, 20));
    assert_eq!(rig.story("u1").await, ["create success", "disable success"]);
    rig.source.enable("u1");
    rig.source.restore("u2");
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.accounts().len()), (20, 20));
}

#[tokio::test]
async fn who_is_gone_is_deleted() {
    let rig = rig_of(20).await;
    rig.source.delete("u1");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 19);
    assert_eq!(rig.story("u1").await, ["create success", "delete success"]);
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 20);
}

#[tokio::test]
async fn a_filter_that_matches_nobody_disables_nobody_until_a_person_agrees() {
    let rig = rig_of(30).await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"name": "g", "clauses": [
            {"sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": {"values": ["Salse"]}}
        ]}]});
    })
    .await;
    rig.good_cycle().await;
    assert_eq!(active(&rig), 30);
    let quarantine = rig.status().await.quarantine.unwrap();
    assert_eq!(quarantine.reason, QuarantineReason::TooManyDeletes);
    assert_eq!(rig.story("u4").await, ["create success", "stagedDelete warning"]);

    // Creates and updates go on, and what is held is logged once.
    rig.source.upsert(user(99).with("department", "Salse"));
    rig.good_cycle().await;
    assert_eq!(active(&rig), 31);
    assert_eq!(rig.story("u4").await, ["create success", "stagedDelete warning"]);

    rig.restart(ResetScope { quarantine: true, force_deletes: true, ..NOTHING }).await;
    rig.good_cycle().await;
    assert_eq!(active(&rig), 1);
    assert_eq!(rig.status().await.quarantine, None);
}

#[tokio::test]
async fn a_corrected_filter_lets_everybody_go_on_as_if_nothing_had_been() {
    let rig = rig_of(30).await;
    let scope = |value: &'static str| {
        move |schema: &mut serde_json::Value| {
            schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
                {"sourceOperandName": "department", "operatorName": "REGEX MATCH", "targetOperand": {"values": [value]}}
            ]}]});
        }
    };
    rig.change_schema(scope("^Salse$")).await;
    rig.good_cycle().await;
    assert!(rig.status().await.quarantine.is_some());
    rig.change_schema(scope("^(Sales|IT)$")).await;
    rig.good_cycle().await;
    assert_eq!(active(&rig), 30);
    assert_eq!(rig.status().await.quarantine, None);
    assert_eq!(rig.store.staged_counts(&rig.job.id).await.unwrap(), []);
}

#[tokio::test]
async fn whom_a_category_no_longer_accepts_is_disabled_and_not_deleted() {
    let rig = rig_of(60).await;
    rig.change_schema(|schema| {
        let clause = json!({"sourceOperandName": "login", "operatorName": "NOT REGEX MATCH",
            "targetOperand": {"values": ["^user7$"]}});
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] =
            json!({"categoryFilterGroups": [{"clauses": [clause]}]});
    })
    .await;
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.accounts().len()), (59, 60));
    assert!(!rig.accounts()["user7"]);
    // In the next full read nobody has become gone by it.
    rig.source.forget_history();
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.accounts().len()), (59, 60));
}

#[tokio::test]
async fn mappings_that_are_disabled_leave_their_accounts_alone() {
    let rig = rig_of(30).await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["enabled"] = false.into();
    })
    .await;
    rig.good_cycle().await;
    assert_eq!(active(&rig), 30);
}

/// Nor do references go out that nothing maps any more, until it does again.
#[tokio::test]
async fn mappings_that_are_disabled_leave_their_references_alone() {
    for whole in [true, false] {
        let rig = rig_of(4).await;
        rig.source.upsert(group("staff"));
        for number in 0..3 {
            rig.source.add_member("staff", &format!("u{number}"));
        }
        rig.good_cycle().await;
        let team = rig.target.objects("team")[0].anchor.clone();
        let members = || rig.target.references(&team, "members");
        let turn = |on: bool| {
            move |schema: &mut serde_json::Value| {
                let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][1];
                if whole {
                    mapping["enabled"] = on.into();
                } else if on {
                    let flow = crate::rig::schema();
                    let flow = &flow["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"][1];
                    mapping["attributeMappings"].as_array_mut().unwrap().push(flow.clone());
                } else {
                    mapping["attributeMappings"].as_array_mut().unwrap().pop();
                }
            }
        };
        rig.change_schema(turn(false)).await;
        rig.good_cycle().await;
        rig.source.remove_member("staff", "u1");
        for number in 1..3 {
            // An account that is made anew would heal its references.
            rig.target.take_away(&rig.account_anchor(&format!("user{number}")));
            rig.source.set(&format!("u{number}"), "displayName", "Changed");
        }
        rig.target.forget_calls();
        rig.good_cycle().await;
        assert_eq!(rig.target.calls().of(Method::UpdateReferences), 0, "whole: {whole}");
        assert_eq!((active(&rig), members()), (4, vec![rig.account_anchor("user0")]));
        assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None, "the job rests");
        rig.change_schema(turn(true)).await;
        rig.good_cycle().await;
        let mut expected = vec![rig.account_anchor("user0"), rig.account_anchor("user2")];
        expected.sort();
        assert_eq!(members(), expected, "whole: {whole}");
        assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_source_that_suddenly_shows_nobody_deletes_nobody() {
    let rig = rig_of(5).await;
    for number in 0..5 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.source.forget_history();
    rig.good_cycle().await;
    assert_eq!(active(&rig), 5);
    assert_eq!(rig.status().await.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
}

/// Whom an increment showed before its cursor was refused is no evidence of what the full read then shows.
#[tokio::test]
async fn a_full_read_after_a_refused_cursor_that_shows_nobody_removes_nobody() {
    let rig = Rig::with(MemorySource::new().page_size(1), MemoryTarget::new()).await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    let vanish = || {
        for number in 0..5 {
            rig.source.delete(&anchor(number));
        }
        rig.source.forget_history();
    };
    rig.source.set("u0", "department", "Legal");
    rig.source.set("u1", "department", "Legal");
    // The first call is the look whether there is anything at all, the second the first page.
    rig.source.faults().nth(&[Method::Changes], 3, Fault::Refuse(ErrorClass::Unauthorized));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    assert_eq!(rig.account("user0").unwrap().get("department").as_text(), Some("Legal"));
    vanish();
    rig.good_cycle().await;
    assert_eq!(active(&rig), 5);
    assert_eq!(rig.status().await.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
}

/// Later cycles are told of changes alone, so that what was not shown stays until there is better evidence. Nothing else is
/// removed meanwhile: whoever lost sight of the groups sees nobody entitled by them.
#[tokio::test]
async fn what_a_source_suddenly_did_not_show_is_removed_by_no_later_cycle_either() {
    for evidence in ["it is shown again", "a person agrees", "a full read shows others"] {
        let rig = rig_of(5).await;
        rig.source.upsert(group("staff"));
        rig.good_cycle().await;
        rig.source.delete("staff");
        rig.source.disable("u1");
        rig.source.forget_history();
        for _ in 0..3 {
            rig.good_cycle().await;
            assert_eq!((rig.target.len("team"), active(&rig)), (1, 5));
            assert_eq!(rig.status().await.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
            rig.clock.advance(model::SignedDuration::from_hours(1));
        }
        match evidence {
            "it is shown again" => rig.source.upsert(group("staff")),
            "a person agrees" => {
                rig.restart(ResetScope { quarantine: true, force_deletes: true, ..NOTHING }).await;
            }
            _ => {
                rig.source.upsert(group("others"));
                rig.source.forget_history();
            }
        }
        rig.good_cycle().await;
        let names: Vec<String> =
            rig.target.objects("team").iter().map(|team| team.get("name").to_string()).collect();
        let left: &[&str] = match evidence {
            "it is shown again" => &["staff"],
            "a person agrees" => &[],
            _ => &["others"],
        };
        assert_eq!(names, left, "{evidence}");
        assert_eq!((active(&rig), rig.status().await.quarantine), (4, None), "{evidence}");
    }
}

/// It is not held any longer as what was not shown: the source tells of it again.
#[tokio::test]
async fn what_was_not_shown_and_then_is_shown_and_deleted_is_removed() {
    for evidence in ["it is deleted again", "it is in the bin"] {
        let target = testkit::MemoryTarget::new().with_type(connector::TypeCapabilities {
            kind: "team".into(),
            soft_delete: false,
            list: true,
            reference_chunk: 100,
        });
        let rig = Rig::with(testkit::MemorySource::new(), target).await;
        rig.source.upsert(user(1));
        rig.source.upsert(group("staff"));
        rig.good_cycle().await;
        rig.source.delete("staff");
        rig.source.forget_history();
        rig.good_cycle().await;
        rig.good_cycle().await;
        assert_eq!(rig.target.len("team"), 1);
        rig.source.upsert(group("staff"));
        match evidence {
            "it is in the bin" => rig.source.soft_delete("staff"),
            _ => rig.source.delete("staff"),
        };
        rig.good_cycle().await;
        assert_eq!((rig.target.len("team"), rig.status().await.quarantine), (0, None), "{evidence}");
        assert_eq!(rig.story("staff").await, ["create success", "stagedDelete warning", "delete success"]);
    }
}

#[tokio::test]
async fn what_a_full_read_does_not_show_is_gone() {
    let rig = rig_of(20).await;
    rig.source.delete("u3");
    rig.source.forget_history();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 19);
    assert!(rig.account("user3").is_none());
}

#[tokio::test]
async fn limits_of_the_settings_hold_over_cycles() {
    let mut rig = rig_of(20).await;
    rig.set_settings(&[("MaxDeletes", "3")]).await;
    rig.source.delete("u1");
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 18);
    rig.source.delete("u3");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 18, "the third within 40 minutes reaches the limit");
    assert_eq!(rig.status().await.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
    rig.clock.advance(model::SignedDuration::from_mins(41));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 17);
}

#[tokio::test]
async fn who_loses_access_may_keep_the_account() {
    let rig = rig_of(20).await;
    rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
            {"sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": {"values": ["Sales"]}}
        ]}]});
    })
    .await;
    rig.source.disable("u0");
    rig.good_cycle().await;
    assert_eq!(active(&rig), 19, "only the disabled one is disabled");
}

#[tokio::test]
async fn what_is_held_waits_no_longer_once_who_loses_access_may_keep_the_account() {
    let rig = rig_of(20).await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
            {"sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": {"values": ["Nowhere"]}}
        ]}]});
    })
    .await;
    rig.good_cycle().await;
    assert!(rig.status().await.quarantine.is_some());
    rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.status().await.quarantine), (20, None));
    rig.set_secrets(&[("SkipOutOfScopeDeletions", "False")]).await;
    rig.good_cycle().await;
    assert!(rig.status().await.quarantine.is_some(), "and it is looked at again when they may not");
}

#[tokio::test]
async fn a_group_out_of_scope_is_deleted_where_groups_cannot_be_disabled() {
    let rig = Rig::with(
        testkit::MemorySource::with_assignments(),
        testkit::MemoryTarget::new().with_type(connector::TypeCapabilities {
            kind: "team".into(),
            soft_delete: false,
            list: true,
            reference_chunk: 100,
        }),
    )
    .await;
    rig.source.upsert(crate::rig::group("staff"));
    rig.source.assign("staff");
    rig.good_cycle().await;
    assert_eq!(rig.target.objects("team").len(), 1);
    rig.source.unassign("staff");
    rig.good_cycle().await;
    assert_eq!(rig.target.objects("team").len(), 0);
}
