//! References that heal, cycles of them, groups in groups, and groups that are large.

use std::sync::Arc;

use connector::ErrorClass;
use engine::{Demand, Subject};
use model::{Anchor, Clock as _, SignedDuration};
use serde_json::json;
use testkit::{Fault, MemorySource, MemoryTarget, Method, RecordingTarget, SeededEntropy};

use crate::rig::{Rig, group, managed_by, schema, schema_but_for_the_gone, user};

fn boss_of(rig: &Rig, name: &str) -> Option<Anchor> {
    rig.account(name).unwrap().get("manager").as_reference().cloned()
}

fn team(rig: &Rig, name: &str) -> Anchor {
    rig.target.object_by("team", "name", name).unwrap().anchor
}

fn members(rig: &Rig, name: &str) -> Vec<Anchor> {
    rig.target.references(&team(rig, name), "members")
}

#[tokio::test]
async fn a_manager_who_comes_later_is_set_without_a_restart() {
    let rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(managed_by(user(1), 0));
    rig.source.assign("u1");
    rig.good_cycle().await;
    assert_eq!(boss_of(&rig, "user1"), None);
    rig.source.assign("u0");
    rig.good_cycle().await;
    assert_eq!(boss_of(&rig, "user1"), Some(rig.account_anchor("user0")));
    // The manager changes, goes for good, and there is none.
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.assign("u2");
    rig.good_cycle().await;
    assert_eq!(boss_of(&rig, "user1"), Some(rig.account_anchor("user2")));
    rig.source.delete("u2");
    rig.good_cycle().await;
    assert_eq!(boss_of(&rig, "user1"), None);
    assert_eq!(rig.store.due_edges(&rig.job.id, model::Timestamp::MAX, 9).await.unwrap(), []);
    rig.source.upsert(managed_by(user(1), 0));
    rig.good_cycle().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    assert_eq!(boss_of(&rig, "user1"), None);
}

/// A cut between due references never parts a new manager from the removal of the one before.
#[tokio::test]
async fn managers_that_change_by_the_hundred_all_stay() {
    let rig = Rig::new().await;
    let people = 0..601;
    rig.source.upsert(user(0));
    for number in people.clone().skip(1) {
        rig.source.upsert(managed_by(user(number), 701));
    }
    for number in 701..703 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    for number in people.clone() {
        rig.source.upsert(managed_by(user(number), 702));
    }
    rig.target.forget_calls();
    rig.good_cycle().await;
    let boss = Some(rig.account_anchor("user702"));
    let others: Vec<_> = people.filter(|number| boss_of(&rig, &format!("user{number}")) != boss).collect();
    assert_eq!(others, Vec::<u32>::new(), "they have another manager, or none");
    assert_eq!(rig.target.calls().of(Method::UpdateReferences), 601, "one request for each");
}

#[tokio::test]
async fn managers_may_be_managed_in_a_circle() {
    let rig = Rig::new().await;
    for number in 0..4 {
        rig.source.upsert(managed_by(user(number), (number + 1) % 4));
    }
    rig.source.upsert(managed_by(user(9), 9));
    rig.good_cycle().await;
    for number in 0..4 {
        let boss = rig.account_anchor(&format!("user{}", (number + 1) % 4));
        assert_eq!(boss_of(&rig, &format!("user{number}")), Some(boss));
    }
    assert_eq!(boss_of(&rig, "user9"), Some(rig.account_anchor("user9")));
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().writes(), 0);
}

#[tokio::test]
async fn groups_are_members_of_groups_in_a_circle_too() {
    let rig = Rig::new().await;
    rig.source.upsert(user(0));
    for name in ["a", "b", "c"] {
        rig.source.upsert(group(name));
    }
    for (owner, member) in [("a", "b"), ("b", "c"), ("c", "a"), ("c", "u0")] {
        rig.source.add_member(owner, member);
    }
    rig.good_cycle().await;
    assert_eq!(members(&rig, "a"), [team(&rig, "b")]);
    assert_eq!(members(&rig, "b"), [team(&rig, "c")]);
    let mut both = vec![team(&rig, "a"), rig.account_anchor("user0")];
    both.sort();
    assert_eq!(members(&rig, "c"), both);
    rig.source.delete("b");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "a"), []);
    assert_eq!(rig.target.len("team"), 2);
}

#[tokio::test]
async fn a_member_who_comes_later_joins_the_group_that_is_there() {
    let rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    rig.source.upsert(group("staff"));
    for number in 0..3 {
        rig.source.upsert(user(number));
        rig.source.add_member("staff", &format!("u{number}"));
    }
    rig.source.assign("u0");
    rig.source.assign("staff");
    rig.good_cycle().await;
    let count = members(&rig, "staff").len();
    assert_eq!(count, 3, "members of an assigned group are entitled");
    rig.source.remove_member("staff", "u1");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff").len(), 2);
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    assert!(members(&rig, "staff").contains(&rig.account_anchor("user1")));
    rig.source.delete("u0");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff").len(), 2);
}

/// The account of `u0`, who is in a team with `u1` and out of scope by now, belongs to `u5`, who was hired again.
async fn rehired(joins: bool) -> (Rig, Anchor) {
    let target = MemoryTarget::new().unique("account", "userName");
    let rig = Rig::of(MemorySource::new(), target, schema_but_for_the_gone(), SeededEntropy::new(1)).await;
    rig.source.upsert(user(0));
    rig.source.upsert(managed_by(user(1), 0));
    staff(&rig, 0..2);
    rig.good_cycle().await;
    let account = rig.account_anchor("user0");
    rig.source.upsert(user(0).with("department", "Gone"));
    rig.good_cycle().await;
    assert!(members(&rig, "staff").contains(&account), "who is out of scope stays a member");
    rig.source.upsert(user(5).with("login", "user0"));
    if joins {
        rig.source.add_member("staff", "u5");
    }
    rig.good_cycle().await;
    assert_eq!((rig.account_anchor("user0"), rig.accounts().len()), (account.clone(), 2));
    (rig, account)
}

#[tokio::test]
async fn a_rehired_person_keeps_the_groups_when_the_old_record_goes() {
    for purged in [false, true] {
        let (rig, account) = rehired(true).await;
        assert!(members(&rig, "staff").contains(&account));
        if purged {
            rig.source.delete("u0");
        } else {
            rig.source.remove_member("staff", "u0");
        }
        rig.good_cycle().await;
        assert!(members(&rig, "staff").contains(&account), "purged: {purged}");
        assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
        rig.source.remove_member("staff", "u5");
        rig.good_cycle().await;
        assert_eq!(members(&rig, "staff"), [rig.account_anchor("user1")], "purged: {purged}");
    }
}

#[tokio::test]
async fn an_account_that_passes_to_another_leaves_groups_that_are_not_theirs() {
    let (rig, _) = rehired(false).await;
    assert_eq!(members(&rig, "staff"), [rig.account_anchor("user1")]);
    assert_eq!(boss_of(&rig, "user1"), None, "u0 has no account");
    assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
    // With an account of their own it is in the team again.
    rig.source.upsert(user(0).with("login", "user9"));
    rig.good_cycle().await;
    let mut both = vec![rig.account_anchor("user1"), rig.account_anchor("user9")];
    both.sort();
    assert_eq!(members(&rig, "staff"), both);
    assert_eq!(boss_of(&rig, "user1"), Some(rig.account_anchor("user9")));
}

/// A person says that an object has another account than the job thinks.
#[tokio::test]
async fn an_account_whose_link_is_moved_by_hand_leaves_the_groups() {
    let rig = Rig::new().await;
    rig.source.upsert(user(0));
    rig.source.upsert(managed_by(user(1), 0));
    staff(&rig, 0..2);
    rig.good_cycle().await;
    let other = rig.target.place("account", &[("userName", "other".into())]);
    let wanted = engine::LinkByHand {
        rule: None,
        kind: Some("User".into()),
        source: "u0".into(),
        target: other.clone(),
    };
    // The old account has the login yet.
    rig.target.alter(&rig.account_anchor("user0"), "userName", "old".into());
    rig.engine.set_link(&rig.job, wanted).await.unwrap();
    rig.good_cycle().await;
    let mut both = vec![rig.account_anchor("user1"), other.clone()];
    both.sort();
    assert_eq!(members(&rig, "staff"), both);
    assert_eq!(boss_of(&rig, "user1"), Some(other));
}

/// A group of twenty thousand goes out in chunks that the target takes, and a change of it costs no more than itself.
#[tokio::test]
async fn a_large_group_is_sent_in_chunks_and_never_again_whole() {
    const MEMBERS: u32 = 20_000;
    let source = MemorySource::new().reference_page_size(1000);
    let chunk =
        connector::TypeCapabilities { kind: "team".into(), reference_chunk: 500, ..Default::default() };
    let target = MemoryTarget::new().unique("account", "userName").with_type(chunk);
    let recording = Arc::new(RecordingTarget::new(Arc::new(target.clone())));
    let rig = Rig::to(source, target, recording.clone()).await;
    rig.source.upsert(group("staff"));
    for number in 0..MEMBERS {
        rig.source.upsert(user(number));
        rig.source.add_member("staff", &format!("u{number}"));
    }
    rig.good_cycle().await;
    let sizes = || -> Vec<(usize, usize)> {
        let calls = recording.take_calls();
        let changes = calls.iter().filter(|call| call.method == Method::UpdateReferences);
        changes
            .filter_map(|call| call.references.as_ref())
            .map(|change| (change.added.len(), change.removed.len()))
            .collect()
    };
    let sent = sizes();
    assert_eq!(sent.iter().map(|(added, _)| added).sum::<usize>(), 20_000, "each member once");
    assert!(sent.iter().all(|(added, removed)| (1..=500).contains(added) && *removed == 0), "{sent:?}");
    assert_eq!(members(&rig, "staff").len(), 20_000);

    rig.source.forget_calls();
    rig.source.upsert(user(MEMBERS));
    rig.source.add_member("staff", &format!("u{MEMBERS}"));
    for number in 0..700 {
        rig.source.remove_member("staff", &format!("u{number}"));
    }
    rig.good_cycle().await;
    let sent = sizes();
    assert_eq!(sent.iter().map(|(added, _)| added).sum::<usize>(), 1, "{sent:?}");
    assert_eq!(sent.iter().map(|(_, removed)| removed).sum::<usize>(), 700, "{sent:?}");
    assert!(sent.iter().all(|(added, removed)| added + removed <= 500), "{sent:?}");
    assert_eq!(members(&rig, "staff").len(), 19_301);
    assert_eq!(rig.source.calls().of(Method::References), 0, "the group is not enumerated again");
}

/// Members that flow as a flow type says, five people, and nothing left to do.
async fn people_with(flow_type: &str) -> Rig {
    let mut schema = schema();
    schema["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"][1]["flowType"] =
        flow_type.into();
    let (source, target) = (MemorySource::new(), MemoryTarget::new().unique("account", "userName"));
    let rig = Rig::of(source.reference_page_size(2), target, schema, SeededEntropy::new(1)).await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig
}

fn staff(rig: &Rig, people: std::ops::Range<u32>) {
    rig.source.upsert(group("staff"));
    for number in people {
        rig.source.add_member("staff", &format!("u{number}"));
    }
}

async fn on_demand(rig: &Rig, linked: &[&str]) {
    let subject = |anchor: &str, kind: &str| Subject { anchor: anchor.into(), kind: kind.into() };
    let linked = linked.iter().map(|anchor| subject(anchor, "User")).collect();
    let demand = Demand { rule: "rule".into(), subject: subject("staff", "Group"), linked };
    rig.engine.provision_on_demand(&rig.job, demand).await.unwrap();
}

#[tokio::test]
async fn members_of_a_creation_follow_where_the_group_was_made_on_demand() {
    for flow_type in ["ObjectAddOnly", "Always"] {
        let rig = people_with(flow_type).await;
        staff(&rig, 0..4);
        on_demand(&rig, &["u1"]).await;
        assert_eq!(members(&rig, "staff"), [rig.account_anchor("user1")], "{flow_type}: who was named");
        on_demand(&rig, &["u2"]).await;
        assert_eq!(members(&rig, "staff").len(), 2, "{flow_type}: the creation is not over");
        rig.good_cycle().await;
        assert_eq!(members(&rig, "staff").len(), 4, "{flow_type}: the others follow");
        rig.source.add_member("staff", "u4");
        on_demand(&rig, &["u4"]).await;
        rig.good_cycle().await;
        let expected = if flow_type == "Always" { 5 } else { 4 };
        assert_eq!(members(&rig, "staff").len(), expected, "{flow_type}: who came after the creation");
        assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
    }
}

/// What comes in between a creation on demand and the rest of its members costs none of them.
#[tokio::test(start_paused = true)]
async fn members_of_a_creation_follow_whatever_comes_in_between() {
    for flow_type in ["ObjectAddOnly", "Always"] {
        for restarted in [false, true] {
            let rig = people_with(flow_type).await;
            staff(&rig, 0..4);
            on_demand(&rig, &["u1"]).await;
            rig.source.set("staff", "displayName", "Everybody");
            rig.target.faults().next(Method::Update, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
            rig.good_cycle().await;
            assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 1);
            if restarted {
                rig.restart(engine::ResetScope::default()).await;
            }
            rig.clock.advance(SignedDuration::from_hours(1));
            rig.good_cycle().await;
            assert_eq!(members(&rig, "Everybody").len(), 4, "{flow_type}, restarted: {restarted}");
        }
    }
}

/// An object mapping's scope that shows nothing but objects of one name.
fn only(kind: &'static str, name: &'static str) -> impl FnOnce(&mut serde_json::Value) {
    move |schema| {
        let clause = json!({"sourceOperandName": "displayName", "operatorName": "EQUALS",
            "targetOperand": {"values": [name]}});
        schema["synchronizationRules"][0]["objectMappings"][1]["scope"] =
            json!({kind: [{"clauses": [clause]}]});
    }
}

/// Whatever keeps a new group from being touched before its first cycle, its members follow when that is over.
#[tokio::test]
async fn members_of_a_creation_follow_although_the_group_was_left_alone_meanwhile() {
    for flow_type in ["ObjectAddOnly", "Always"] {
        for way in ["excluded", "groups", "inputFilterGroups"] {
            let rig = people_with(flow_type).await;
            rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
            staff(&rig, 0..4);
            on_demand(&rig, &["u1"]).await;
            if way == "excluded" {
                rig.engine.exclude(&rig.job, "staff".into(), "later".into(), "me".into()).await.unwrap();
            } else {
                rig.change_schema(only(way, "Everybody")).await;
            }
            rig.good_cycle().await;
            rig.good_cycle().await;
            assert_eq!(members(&rig, "staff"), [rig.account_anchor("user1")], "{flow_type}, {way}");
            let waits = (
                rig.store.next_due(&rig.job.id).await.unwrap(),
                rig.store.escrow_count(&rig.job.id).await.unwrap(),
            );
            assert_eq!(waits, (None, 0), "{flow_type}, {way}: nothing is due meanwhile");
            if way == "excluded" {
                rig.engine.readmit(&rig.job, &"staff".into()).await.unwrap();
            } else {
                rig.source.set("staff", "displayName", "Everybody");
            }
            rig.good_cycle().await;
            let name = if way == "excluded" { "staff" } else { "Everybody" };
            assert_eq!(members(&rig, name).len(), 4, "{flow_type}, {way}");
            assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap(), []);
        }
    }
}

/// Who fails the input filter is ignored, and so is who joins and leaves; what is due by then waits too.
#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_the_input_filter_passes_by_are_ignored_until_it_no_longer_does() {
    let source = MemorySource::with_assignments().reference_page_size(2);
    let rig = Rig::with(source, MemoryTarget::new().unique("account", "userName")).await;
    for number in 0..6 {
        rig.source.upsert(user(number));
    }
    staff(&rig, 0..3);
    for anchor in ["staff", "u3", "u4"] {
        rig.source.assign(anchor);
    }
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff").len(), 3);
    let before = members(&rig, "staff");
    rig.change_schema(only("inputFilterGroups", "Everybody")).await;
    rig.good_cycle().await;
    rig.source.add_member("staff", "u3");
    rig.source.remove_member("staff", "u0");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff"), before, "nothing is followed");
    // An account that is made anew would heal its references.
    rig.target.take_away(&rig.account_anchor("user1"));
    rig.source.set("u1", "displayName", "Changed");
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().of(Method::UpdateReferences), 0, "nothing heals");
    rig.source.set("staff", "displayName", "Everybody");
    rig.good_cycle().await;
    let mut expected: Vec<_> =
        ["user1", "user2", "user3"].into_iter().map(|name| rig.account_anchor(name)).collect();
    expected.sort();
    assert_eq!(members(&rig, "Everybody"), expected);
    assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
}

/// A reference that fails waits by the intervals of escrows and ends as they do.
#[tokio::test(start_paused = true)]
async fn a_reference_that_fails_for_28_days_is_given_up_until_it_changes() {
    let rig = people_with("Always").await;
    let refused = Fault::Refuse(ErrorClass::Invalid { attribute: None });
    rig.target.faults().always(&[Method::UpdateReferences], refused);
    staff(&rig, 0..2);
    rig.good_cycle().await;
    let began = rig.clock.now();
    let tried = || rig.target.calls().of(Method::UpdateReferences);
    let waits = [10, 60, 360, 720, 1440, 1440];
    for (number, minutes) in waits.into_iter().enumerate() {
        let next = rig.store.next_due(&rig.job.id).await.unwrap().unwrap();
        assert_eq!(next, rig.clock.now() + SignedDuration::from_mins(minutes), "after {} tries", number + 1);
        rig.clock.set(next - SignedDuration::from_secs(2));
        let before = tried();
        rig.good_cycle().await;
        assert_eq!(tried(), before, "not a second early");
        rig.good_cycle().await;
        assert!(tried() > before);
    }
    assert_eq!(rig.store.failing_edges(&rig.job.id).await.unwrap(), 2);
    while let Some(next) = rig.store.next_due(&rig.job.id).await.unwrap() {
        assert!(next < began + SignedDuration::from_hours(30 * 24), "tried for ever");
        rig.clock.set(next);
        rig.good_cycle().await;
    }
    assert!(rig.clock.now() >= began + SignedDuration::from_hours(28 * 24));
    assert_eq!(rig.store.failing_edges(&rig.job.id).await.unwrap(), 0, "it is no failure that waits");
    let told = rig.engine.explain(&rig.job, &"staff".into()).await.unwrap();
    assert!(told.words.iter().any(|words| words.contains("members to 'u0'") && words.contains("given up")));

    rig.target.faults().heal();
    rig.good_cycle().await;
    assert!(members(&rig, "staff").is_empty(), "nobody tries any more");
    // One leaves and comes back; the other is tried again by a person.
    rig.source.remove_member("staff", "u0");
    rig.good_cycle().await;
    rig.source.add_member("staff", "u0");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff"), [rig.account_anchor("user0")]);
    rig.engine.retry_escrows(&rig.job, None).await.unwrap();
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn members_of_a_creation_follow_where_its_answer_was_lost() {
    for flow_type in ["ObjectAddOnly", "Always"] {
        let rig = people_with(flow_type).await;
        staff(&rig, 0..4);
        rig.target.faults().next(Method::Create, Fault::lost_answer());
        rig.good_cycle().await;
        assert_eq!((rig.target.len("team"), members(&rig, "staff").len()), (1, 4), "{flow_type}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_the_source_did_not_tell_to_the_end_are_asked_for_again() {
    for flow_type in ["ObjectAddOnly", "Always"] {
        let rig = people_with(flow_type).await;
        staff(&rig, 0..5);
        let falters = Fault::Refuse(ErrorClass::Unavailable);
        rig.source.faults().nth(&[Method::References], 2, falters);
        rig.cycle().await;
        assert!(members(&rig, "staff").is_empty());
        rig.good_cycle().await;
        assert_eq!(members(&rig, "staff").len(), 5, "{flow_type}");
    }
}

/// While a group is out of scope and its account left as it is, nobody compares its members.
#[tokio::test]
async fn members_who_came_and_went_while_their_group_was_out_of_scope_are_seen_when_it_is_back() {
    let rig = people_with("Always").await;
    rig.set_secrets(&[("SkipOutOfScopeDeletions", "True")]).await;
    staff(&rig, 0..2);
    rig.good_cycle().await;
    rig.source.add_member("staff", "u3");
    rig.source.remove_member("staff", "u0");
    rig.change_schema(only("groups", "Everybody")).await;
    rig.good_cycle().await;
    rig.source.set("staff", "displayName", "Everybody");
    rig.good_cycle().await;
    let mut expected = vec![rig.account_anchor("user1"), rig.account_anchor("user3")];
    expected.sort();
    assert_eq!(members(&rig, "Everybody"), expected);
}

/// A mapping is what it was by another name: members and objects that go are followed.
#[tokio::test]
async fn a_mapping_that_gets_another_name_goes_on() {
    let rig = people_with("Always").await;
    staff(&rig, 0..2);
    rig.good_cycle().await;
    rig.change_schema(|schema| {
        for mapping in schema["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap() {
            mapping["name"] = format!("{} of ours", mapping["name"]).into();
        }
    })
    .await;
    rig.good_cycle().await;
    rig.source.add_member("staff", "u2");
    rig.source.remove_member("staff", "u0");
    rig.source.delete("u4");
    rig.good_cycle().await;
    let mut expected = vec![rig.account_anchor("user1"), rig.account_anchor("user2")];
    expected.sort();
    assert_eq!((members(&rig, "staff"), rig.accounts().len()), (expected, 4));
}

/// The job knows a group by the old name of its mapping until it has decided about it.
#[tokio::test(start_paused = true)]
async fn members_that_waited_for_a_mapping_by_another_name_follow_once_their_group_does() {
    let rig = people_with("Always").await;
    staff(&rig, 0..2);
    rig.good_cycle().await;
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][1]["name"] = "Teams".into();
    })
    .await;
    rig.source.set("staff", "displayName", "Everybody");
    rig.target.faults().next(Method::Update, Fault::Refuse(ErrorClass::Permanent));
    rig.target.take_away(&rig.account_anchor("user0"));
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff"), [rig.account_anchor("user1")]);
    rig.clock.advance(SignedDuration::from_hours(1));
    rig.good_cycle().await;
    assert_eq!(members(&rig, "Everybody").len(), 2);
    assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
}

/// A full read does not tell changes of members one by one: a group that failed in it is read whole when it is retried.
#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_failed_in_a_full_read_arrive_when_it_recovers() {
    for planned in [false, true] {
        let rig = people_with("Always").await;
        staff(&rig, 0..2);
        rig.good_cycle().await;
        rig.restart(engine::ResetScope { watermark: true, ..engine::ResetScope::default() }).await;
        rig.source.set("staff", "displayName", "Everybody");
        rig.source.add_member("staff", "u3");
        rig.source.remove_member("staff", "u0");
        rig.target.faults().next(Method::Update, Fault::Refuse(ErrorClass::Permanent));
        if planned {
            rig.apply(&rig.plan().await).await;
        } else {
            rig.good_cycle().await;
        }
        assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 1, "planned: {planned}");
        rig.clock.advance(SignedDuration::from_hours(1));
        rig.good_cycle().await;
        let mut expected = vec![rig.account_anchor("user1"), rig.account_anchor("user3")];
        expected.sort();
        assert_eq!(members(&rig, "Everybody"), expected, "planned: {planned}");
    }
}
