//! Who is in scope: groups of clauses, input filters, categories, and memberships.

use model::{Object, Value};
use serde_json::{Value as Json, json};
use testkit::{MemorySource, MemoryTarget, Method};

use crate::recorded::{Recorded, mapping, schema_with, users};
use crate::rig::{Rig, group};

/// Users with one attribute of each type, of whom a filter decides.
fn typed_schema() -> Json {
    let attributes = [
        json!({"name": "tags", "multivalued": true}),
        json!({"name": "age", "type": "Integer"}),
        json!({"name": "external", "type": "Boolean"}),
        json!({"name": "hired", "type": "DateTime"}),
        json!({"name": "IsSoftDeleted", "type": "Boolean"}),
    ];
    schema_with(&attributes, &[], &[])
}

fn clause(attribute: &str, operator: &str, values: &[&str]) -> Json {
    json!({"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": values}})
}

/// The schema with filter groups of one kind, each a list of clauses.
fn scoped(kind: &str, groups: &[&[Json]]) -> Json {
    let mut schema = typed_schema();
    users(&mut schema)["scope"] = filter(kind, groups);
    schema
}

fn filter(kind: &str, groups: &[&[Json]]) -> Json {
    let groups: Vec<Json> = groups.iter().map(|clauses| json!({"name": "", "clauses": clauses})).collect();
    json!({kind: groups})
}

fn person(login: &str) -> Object {
    Object::new("User", login).with("login", login).with("displayName", login)
}

fn moment(text: &str) -> Value {
    Value::DateTime(text.parse().unwrap())
}

/// People who differ in every attribute.
fn people() -> [Object; 3] {
    [
        person("ada")
            .with("department", "Sales EMEA")
            .with("tags", Value::list(["vip".into(), "remote".into()]))
            .with("age", 36)
            .with("external", true)
            .with("hired", moment("2020-05-01T00:00:00Z"))
            .with("manager", Value::Reference("bob".into())),
        person("bob")
            .with("department", "IT")
            .with("tags", Value::list(["remote".into()]))
            .with("age", 51)
            .with("external", false)
            .with("hired", moment("2024-05-01T00:00:00Z")),
        // Of whom nothing is known.
        person("eve"),
    ]
}

fn accounts(rig: &Rig) -> Vec<String> {
    rig.accounts().into_keys().collect()
}

/// What one clause lets through, in `groups` and in `inputFilterGroups`, where negative clauses pass on null.
#[tokio::test]
async fn every_operator_decides_who_gets_an_account() {
    let rows: [(Json, &[&str], &[&str]); 19] = [
        (clause("department", "EQUALS", &["IT"]), &["bob"], &["bob"]),
        (clause("department", "NOT EQUALS", &["IT"]), &["ada"], &["ada", "eve"]),
        (clause("external", "IS TRUE", &[]), &["ada"], &["ada"]),
        (clause("external", "IS FALSE", &[]), &["bob"], &["bob"]),
        (clause("department", "IS NULL", &[]), &["eve"], &["eve"]),
        (clause("department", "IS NOT NULL", &[]), &["ada", "bob"], &["ada", "bob"]),
        (clause("department", "REGEX MATCH", &["^Sales"]), &["ada"], &["ada"]),
        (clause("department", "NOT REGEX MATCH", &["^Sales"]), &["bob"], &["bob", "eve"]),
        (clause("age", "Greater_Than", &["36"]), &["bob"], &["bob"]),
        (clause("age", "Greater_Than_OR_EQUALS", &["36"]), &["ada", "bob"], &["ada", "bob"]),
        (clause("hired", "Greater_Than", &["2021-01-01"]), &["bob"], &["bob"]),
        (clause("department", "Includes", &["EMEA"]), &["ada"], &["ada"]),
        (clause("department", "ENDS_WITH", &["T"]), &["bob"], &["bob"]),
        (clause("age", "&", &["4"]), &["ada"], &["ada"]),
        (clause("age", "!&", &["4"]), &["bob"], &["bob", "eve"]),
        (clause("login", "IN", &["ada", "eve"]), &["ada", "eve"], &["ada", "eve"]),
        (clause("manager", "EQUALS", &["bob"]), &["ada"], &["ada"]),
        (clause("tags", "IN", &["vip", "boss"]), &["ada"], &["ada"]),
        (clause("IsSoftDeleted", "IS FALSE", &[]), &["ada", "bob", "eve"], &["ada", "bob", "eve"]),
    ];
    for (clause, in_groups, in_input) in rows {
        for (kind, expected) in [("groups", in_groups), ("inputFilterGroups", in_input)] {
            let job = Recorded::new(scoped(kind, &[std::slice::from_ref(&clause)])).await;
            for person in people() {
                job.rig.source.upsert(person);
            }
            job.rig.good_cycle().await;
            assert_eq!(accounts(&job.rig), expected, "{kind} {clause}");
        }
    }
}

#[tokio::test]
async fn of_several_values_all_or_any_count_as_the_clause_says() {
    for (said, expected) in [("All", &["bob"][..]), ("Any", &["ada", "bob"])] {
        let mut remote = clause("tags", "EQUALS", &["remote"]);
        remote["multivaluedComparisonType"] = said.into();
        let job = Recorded::new(scoped("groups", &[&[remote]])).await;
        for person in people() {
            job.rig.source.upsert(person);
        }
        job.rig.good_cycle().await;
        assert_eq!(accounts(&job.rig), expected, "{said}");
    }
}

#[tokio::test]
async fn clauses_of_a_group_must_all_hold_and_one_group_is_enough() {
    let sales = [clause("department", "Includes", &["Sales"]), clause("external", "IS FALSE", &[])];
    let it = [clause("department", "EQUALS", &["IT"]), clause("age", "Greater_Than", &["50"])];
    let job = Recorded::new(scoped("groups", &[&sales, &it])).await;
    for person in people() {
        job.rig.source.upsert(person);
    }
    job.rig.good_cycle().await;
    assert_eq!(accounts(&job.rig), ["bob"]);
    job.rig.source.set("ada", "external", false);
    job.rig.good_cycle().await;
    assert_eq!(accounts(&job.rig), ["ada", "bob"]);
}

/// Leaving `groups` ends the access, and coming back renews it; leaving `inputFilterGroups` means to be left alone.
#[tokio::test]
async fn leaving_the_scope_disables_and_leaving_the_input_does_nothing() {
    for (kind, disabled) in [("groups", true), ("inputFilterGroups", false)] {
        let job = Recorded::new(scoped(kind, &[&[clause("department", "EQUALS", &["IT"])]])).await;
        job.rig.source.upsert(person("bob").with("department", "IT"));
        job.only(Method::Create).await;
        job.rig.source.set("bob", "department", "HR");
        job.rig.source.set("bob", "displayName", "Bob B.");
        if disabled {
            job.updated(&[("active", false.into())]).await;
        } else {
            job.nothing().await;
        }
        job.rig.source.set("bob", "department", "IT");
        let sent = job.only(Method::Update).await;
        assert_eq!(sent["name"], "Bob B.".into(), "{kind}");
        assert_eq!(sent.get("active"), disabled.then_some(&true.into()), "{kind}");
    }
}

#[tokio::test]
async fn the_first_mapping_whose_category_accepts_an_object_owns_it() {
    let mut schema = typed_schema();
    let everyone = users(&mut schema).clone();
    let mut guests = everyone.clone();
    guests["name"] = "Guests".into();
    guests["scope"] = filter("categoryFilterGroups", &[&[clause("external", "IS TRUE", &[])]]);
    guests["attributeMappings"]
        .as_array_mut()
        .unwrap()
        .retain(|one| one["targetAttributeName"] != "department");
    guests["attributeMappings"].as_array_mut().unwrap().push(mapping("department", "\"Guests\"", &json!({})));
    let mappings = schema["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap();
    mappings.insert(0, guests);
    let job = Recorded::new(schema).await;
    for person in people() {
        job.rig.source.upsert(person);
    }
    job.rig.good_cycle().await;
    let department = |login: &str| job.rig.account(login).unwrap().get("department").clone();
    assert_eq!((department("ada"), department("bob")), ("Guests".into(), "IT".into()));
    job.rig.source.set("bob", "external", true);
    job.rig.good_cycle().await;
    assert_eq!(department("bob"), "Guests".into(), "another mapping with the same account took over");
}

/// A pattern that gives up on somebody must not look like a scope that somebody left.
#[tokio::test]
async fn a_filter_that_cannot_be_decided_ends_no_access() {
    let job =
        Recorded::new(scoped("groups", &[&[clause("department", "NOT REGEX MATCH", &["(?<=a)b"])]])).await;
    job.rig.source.upsert(person("bob").with("department", "IT"));
    job.only(Method::Create).await;
    job.rig.source.set("bob", "department", "a".repeat(1 << 18));
    job.nothing().await;
    let failures = job.failures().await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].detail.contains("filter on 'department'"), "{}", failures[0].detail);
    assert!(job.rig.accounts()["bob"]);
}

#[tokio::test]
async fn memberships_decide_and_their_changes_touch_whom_they_concern() {
    let job = Recorded::new(scoped("groups", &[&[clause("id", "IsMemberOf", &["crew"])]])).await;
    job.rig.source.upsert(group("crew"));
    job.rig.source.upsert(group("other"));
    for number in 0..20 {
        job.rig.source.upsert(person(&format!("p{number}")));
    }
    job.rig.source.add_member("crew", "p1");
    job.rig.source.add_member("other", "p2");
    job.rig.good_cycle().await;
    assert_eq!(accounts(&job.rig), ["p1"]);

    job.rig.source.forget_calls();
    job.rig.source.add_member("crew", "p2");
    job.rig.source.remove_member("crew", "p1");
    job.rig.good_cycle().await;
    assert_eq!(
        job.rig.accounts().into_iter().collect::<Vec<_>>(),
        [("p1".to_owned(), false), ("p2".to_owned(), true)]
    );
    assert!(job.rig.source.yielded() <= 6, "{} objects were read", job.rig.source.yielded());

    job.rig.source.add_member("crew", "p1");
    job.rig.good_cycle().await;
    assert!(job.rig.accounts().values().all(|active| *active), "the same account is used again");
    assert_eq!(job.rig.accounts().len(), 2);
}

/// A source that does not know its groups would make nobody a member.
#[tokio::test]
async fn a_source_without_memberships_does_not_run_such_a_filter() {
    let source = MemorySource::new().without_memberships();
    source.upsert(person("ada"));
    let target = MemoryTarget::new().unique("account", "userName");
    let job =
        Recorded::with(source, target, scoped("groups", &[&[clause("id", "IsMemberOf", &["crew"])]])).await;
    let end = format!("{:?}", job.rig.cycle().await);
    assert!(end.contains("IsMemberOf"), "{end}");
}
