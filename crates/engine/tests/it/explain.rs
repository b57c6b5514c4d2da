//! Explanations: the decision about one object, with what it rests on, and nothing changed.

use connector::Entitlement;
use engine::{ControlError, Demand, Explanation, ResetScope, Subject};
use model::link::Origin;
use model::provisioning::{Action, Outcome, REDACTED};
use model::{Clock as _, FailureCode, SignedDuration, Timestamp, Value};
use serde_json::{Value as Json, json};
use store::Wait;
use testkit::{Fault, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, group, user};

impl Rig {
    async fn explain(&self, anchor: &str) -> Explanation {
        self.engine.explain(&self.job, &anchor.into()).await.unwrap()
    }
}

fn said(explanation: &Explanation, words: &str) -> bool {
    explanation.words.iter().any(|sentence| sentence.contains(words))
}

#[tokio::test]
async fn what_would_be_done_is_told_and_not_done() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let runtime = rig.store.runtime(&rig.job.id).await.unwrap();
    let told = rig.explain("u1").await;
    let rule = &told.rules[0];
    assert_eq!((rule.rule.as_str(), rule.mapping.as_deref()), ("rule", Some("Users")));
    assert_eq!((rule.record.action, rule.record.outcome), (Action::Create, Outcome::Success));
    assert!(said(&told, "The account is to be created."), "{:#?}", told.words);
    assert!(said(&told, "No account at the target has userName = 'user1'."));
    assert!(!said(&told, "Created at the target"));
    let name = rule.values.iter().find(|value| value.preview.attribute == "userName").unwrap();
    assert_eq!(name.expression.as_deref(), Some("[login]"));
    assert_eq!(name.preview.value, Ok(Some(Value::from("user1"))));
    assert_eq!((name.sent.clone(), name.preview.matching), (Some(Value::from("user1")), true));
    assert_eq!(rig.target.calls().writes(), 0);
    assert!(rig.log().await.is_empty());
    assert_eq!(rig.store.runtime(&rig.job.id).await.unwrap(), runtime);
    assert!(rig.store.entries(&rig.job.id, &["u1".into()]).await.unwrap().is_empty());

    // What is told is what the cycle then says.
    rig.good_cycle().await;
    let record = &rig.log().await[0];
    let steps = |record: &model::provisioning::ProvisioningRecord| -> Vec<String> {
        record.steps.iter().map(model::provisioning::Step::describe).collect()
    };
    assert_eq!(steps(record)[..steps(record).len() - 1], steps(&rule.record)[..]);
    assert_eq!(record.modified, rule.record.modified);
}

#[tokio::test]
async fn link_values_and_differences_are_shown() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.source.set("u1", "department", "Legal");
    let told = rig.explain("u1").await;
    let rule = &told.rules[0];
    assert_eq!(rule.link.as_ref().unwrap().origin, Origin::Created);
    let department = rule.values.iter().find(|value| value.preview.attribute == "department").unwrap();
    assert_eq!(department.present, Some("IT".into()));
    assert_eq!(department.sent, Some("Legal".into()));
    let name = rule.values.iter().find(|value| value.preview.attribute == "name").unwrap();
    assert_eq!((name.present.is_some(), name.sent.clone()), (true, None));
    assert!(said(&told, "which this job made"));
    assert!(said(&told, "next cycle is due at"));
    rig.source.disable("u1");
    assert!(said(&rig.explain("u1").await, "The account is to be disabled."));
    rig.source.delete("u1");
    let told = rig.explain("u1").await;
    assert!(told.source.is_none() && said(&told, "The account is to be deleted."), "{:#?}", told.words);
    assert!(rig.account("user1").is_some());
}

#[tokio::test]
async fn the_path_of_an_entitlement_is_told() {
    let rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    for number in 1..=3 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u2");
    rig.source.assign("u1");
    rig.source.assign("staff");
    let direct = rig.explain("u1").await;
    assert_eq!(direct.entitlement, [Entitlement::Assigned]);
    let member = rig.explain("u2").await;
    let path = Entitlement::Group { anchor: "staff".into(), name: Some("staff".into()), nested: false };
    assert_eq!(member.entitlement, [path]);
    assert!(said(&member, "a member of the assigned group staff"), "{:#?}", member.words);
    let neither = rig.explain("u3").await;
    assert!(neither.entitlement.is_empty());
    assert!(said(&neither, "Not active: the object is not assigned to the application."));
}

#[tokio::test]
async fn the_filter_clause_that_decided_is_named() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.change_schema(|schema| {
        let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][0];
        let clause = json!({"operatorName": "EQUALS", "sourceOperandName": "department",
                            "targetOperand": {"values": ["Sales"]}});
        mapping["scope"] = json!({"groups": [{"name": "Sales only", "clauses": [clause]}]});
    })
    .await;
    let told = rig.explain("u1").await;
    assert!(said(&told, "does not satisfy the scoping filter"), "{:#?}", told.words);
    assert!(said(&told, "department"), "{:#?}", told.words);
    assert_eq!(told.rules[0].record.outcome, Outcome::Skipped);
}

#[tokio::test]
async fn failures_tell_when_they_are_tried_again() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let refusal = connector::ErrorClass::Invalid { attribute: Some("userName".into()) };
    rig.target.faults().always(&[Method::Create], Fault::Refuse(refusal));
    rig.good_cycle().await;
    let told = rig.explain("u1").await;
    let escrow = told.rules[0].escrow.as_ref().unwrap();
    assert_eq!(escrow.attempts, 1);
    assert!(said(&told, &format!("the next attempt is at {}", escrow.next)), "{:#?}", told.words);
    assert!(said(&told, "scripted fault in Create"));

    rig.target.faults().unauthorized_from_now_on();
    let told = rig.explain("u1").await;
    assert_eq!(told.rules[0].record.outcome, Outcome::Failure, "the target could not be asked");
    rig.restart(ResetScope::default()).await;
    rig.cycle().await;
    let told = rig.explain("u1").await;
    assert!(said(&told, "The job is in quarantine (EncounteredQuarantineException)"), "{:#?}", told.words);
}

/// A person whose account the target refused for so long that it was given up, and when.
async fn given_up() -> (Rig, Timestamp) {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let refusal = connector::ErrorClass::Invalid { attribute: Some("userName".into()) };
    rig.target.faults().always(&[Method::Create], Fault::Refuse(refusal));
    rig.good_cycle().await;
    let first = rig.clock.now();
    while let Some(next) = rig.store.next_due(&rig.job.id).await.unwrap() {
        assert!(next < first + SignedDuration::from_hours(30 * 24), "tried for ever");
        rig.clock.set(next);
        rig.good_cycle().await;
    }
    let moment = rig.clock.now();
    assert!(moment >= first + SignedDuration::from_hours(28 * 24));
    (rig, moment)
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_told_with_when_and_why() {
    let (rig, moment) = given_up().await;
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0, "it counts as no failure that waits");
    let told = rig.explain("u1").await;
    let escrow = told.rules[0].escrow.as_ref().unwrap();
    assert_eq!((escrow.wait, escrow.next), (Wait::GivenUp, moment));
    assert_eq!(escrow.failure.code, FailureCode::UnprocessableEntity);
    let words =
        format!("It was given up at {moment}: it failed {} times since {}", escrow.attempts, escrow.first);
    assert!(said(&told, &words) && said(&told, "scripted fault in Create"), "{:#?}", told.words);
    assert!(said(&told, "tried again when it changes at the source") && !said(&told, "next attempt"));
    let tried = rig.target.calls().of(Method::Create);
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().of(Method::Create), tried, "nobody tries any more");

    // Where it is tried again and fails, it waits as for the first time.
    rig.source.set("u1", "department", "Legal");
    rig.good_cycle().await;
    let told = rig.explain("u1").await;
    let escrow = told.rules[0].escrow.as_ref().unwrap();
    assert_eq!((escrow.wait, escrow.attempts, escrow.first), (Wait::Moment, 1, rig.clock.now()));
    assert!(said(&told, "next attempt"), "{:#?}", told.words);
}

/// What is said to bring it back, does.
#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_brought_back() {
    for way in ["change", "schema", "restart", "retry", "demand"] {
        let (rig, _) = given_up().await;
        rig.target.faults().heal();
        match way {
            "change" => assert!(rig.source.set("u1", "department", "Legal")),
            "schema" => {
                let change = |schema: &mut Json| {
                    let mappings =
                        &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
                    mappings[2]["source"]["expression"] = json!("\"IT\"");
                };
                rig.change_schema(change).await;
            }
            "restart" => rig.restart(ResetScope { watermark: true, ..crate::rig::NOTHING }).await,
            "retry" => {
                let one = ("rule".into(), "u1".into());
                assert_eq!(rig.engine.retry_escrows(&rig.job, Some(vec![one])).await.unwrap(), 1);
            }
            _ => {
                let subject = Subject { anchor: "u1".into(), kind: "User".into() };
                let demand = Demand { rule: "rule".into(), subject, linked: Vec::new() };
                rig.engine.provision_on_demand(&rig.job, demand).await.unwrap();
            }
        }
        rig.good_cycle().await;
        assert!(rig.account("user1").is_some(), "{way}");
        assert!(rig.explain("u1").await.rules[0].escrow.is_none(), "{way}");
    }
}

#[tokio::test]
async fn redacted_values_are_not_shown() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.source.set("u1", "department", "Top secret");
    rig.change_schema(|schema| {
        let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][2];
        mapping["source"]["expression"] = json!("Redact([department])");
    })
    .await;
    let told = rig.explain("u1").await;
    assert!(!format!("{:?} {:?}", told.rules, told.words).contains("Top secret"));
    let name = told.rules[0].values.iter().find(|value| value.preview.attribute == "department").unwrap();
    assert_eq!(name.preview.value, Ok(Some(REDACTED.into())));
    assert_eq!(name.present, Some(REDACTED.into()));
}

#[tokio::test]
async fn nobody_is_explained_who_is_nowhere() {
    let rig = Rig::new().await;
    let error = rig.engine.explain(&rig.job, &"nobody".into()).await.unwrap_err();
    assert!(matches!(error, ControlError::UnknownObject(anchor) if anchor == "nobody"));
}
