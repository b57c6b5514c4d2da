//! Attribute flow, rule by rule: what the target is sent.

use std::slice;

use model::schema::AttributeType;
use model::{Failure, Object, Value};
use serde_json::json;
use testkit::{MemorySource, MemoryTarget, Method};

use crate::recorded::{Recorded, mapping, mapping_of, schema_with};
use crate::rig::{group, schema};

/// Ada, with everything that the usual mappings read.
fn ada() -> Object {
    Object::new("User", "u1").with("login", "ada").with("displayName", "Ada").with("department", "Sales")
}

fn texts<const N: usize>(values: [&str; N]) -> Value {
    Value::list(values.map(Value::from))
}

#[tokio::test]
async fn a_default_flows_where_the_source_gives_null_and_only_at_creation() {
    let mut schema = schema();
    mapping_of(&mut schema, "department")["defaultValue"] = "General".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("department", Value::Null));
    assert_eq!(job.only(Method::Create).await["department"], "General".into());
    job.rig.source.set("u1", "department", "Sales");
    job.updated(&[("department", "Sales".into())]).await;
    job.rig.source.set("u1", "department", Value::Null);
    job.nothing().await;
}

#[tokio::test]
async fn defaults_take_no_part_in_matching() {
    let mut schema = schema();
    let matching = mapping_of(&mut schema, "department");
    matching["defaultValue"] = "General".into();
    matching["matchingPriority"] = 2.into();
    let job = Recorded::new(schema).await;
    job.rig.target.place("account", &[("userName", "other".into()), ("department", "General".into())]);
    job.rig.source.upsert(ada().with("department", Value::Null));
    assert_eq!(job.only(Method::Create).await["department"], "General".into());
}

#[tokio::test]
async fn a_mapping_without_source_fills_what_is_empty_and_leaves_the_rest_alone() {
    let attribute = json!({"name": "locale"});
    let filling = json!({"targetAttributeName": "locale", "source": null, "defaultValue": "de"});
    let job = Recorded::new(schema_with(&[], &[attribute], &[filling])).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["locale"], "de".into());
    job.alter("locale", "fr");
    job.rig.source.set("u1", "displayName", "Ada L.");
    job.updated(&[("name", "Ada L.".into())]).await;
    job.alter("locale", Value::Null);
    job.rig.source.set("u1", "displayName", "Ada");
    job.updated(&[("name", "Ada".into()), ("locale", "de".into())]).await;
}

#[tokio::test]
async fn object_add_only_flows_at_creation_alone() {
    let mut schema = schema();
    mapping_of(&mut schema, "department")["flowType"] = "ObjectAddOnly".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["department"], "Sales".into());
    job.rig.source.set("u1", "department", "IT");
    job.nothing().await;
}

#[tokio::test]
async fn attribute_add_only_flows_where_the_target_has_no_value() {
    let mut schema = schema();
    mapping_of(&mut schema, "department")["flowType"] = "AttributeAddOnly".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["department"], "Sales".into());
    job.rig.source.set("u1", "department", "IT");
    job.nothing().await;
    job.alter("department", Value::Null);
    job.rig.source.set("u1", "department", "Legal");
    job.updated(&[("department", "Legal".into())]).await;
}

#[tokio::test]
async fn add_only_values_join_those_that_are_there() {
    for flow_type in ["ValueAddOnly", "MultiValueAddOnly"] {
        let tags = json!({"name": "tags", "multivalued": true});
        let adding = mapping("tags", "[tags]", &json!({"flowType": flow_type}));
        let job = Recorded::new(schema_with(slice::from_ref(&tags), slice::from_ref(&tags), &[adding])).await;
        job.rig.source.upsert(ada().with("tags", texts(["a", "b"])));
        assert_eq!(job.only(Method::Create).await["tags"], texts(["a", "b"]));
        job.alter("tags", texts(["b", "a", "local"]));
        job.rig.source.set("u1", "tags", texts(["c", "a"]));
        job.updated(&[("tags", texts(["c"]))]).await;
        assert_eq!(job.account().get("tags"), &texts(["b", "a", "local", "c"]), "{flow_type}");
        job.rig.source.set("u1", "tags", texts(["a"]));
        job.nothing().await;
    }
}

#[tokio::test]
async fn flow_always_joins_every_update_and_causes_none() {
    let mut schema = schema();
    mapping_of(&mut schema, "department")["flowBehavior"] = "FlowAlways".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada());
    job.only(Method::Create).await;
    job.rig.source.set("u1", "department", "IT");
    job.nothing().await;
    job.rig.source.set("u1", "displayName", "Ada L.");
    job.updated(&[("name", "Ada L.".into()), ("department", "IT".into())]).await;
    job.rig.source.set("u1", "displayName", "Ada");
    job.updated(&[("name", "Ada".into()), ("department", "IT".into())]).await;
}

#[tokio::test]
async fn nulls_flow_where_both_gates_are_open() {
    for (source, target, by_mapping) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, true, true),
    ] {
        let mut schema = schema();
        schema["directories"][0]["objects"][0]["attributes"][3]["flowNullValues"] = source.into();
        if by_mapping {
            mapping_of(&mut schema, "department")["flowNullValues"] = target.into();
        } else {
            schema["directories"][1]["objects"][0]["attributes"][3]["flowNullValues"] = target.into();
        }
        let job = Recorded::new(schema).await;
        job.rig.source.upsert(ada());
        job.only(Method::Create).await;
        job.rig.source.set("u1", "department", Value::Null);
        if source && target {
            job.updated(&[("department", Value::Null)]).await;
            job.alter("department", "Sales");
            job.rig.source.set("u1", "department", "");
            job.updated(&[("department", Value::Null)]).await;
        } else {
            job.nothing().await;
        }
        job.nothing().await;
    }
}

#[tokio::test]
async fn texts_compare_by_the_case_exactness_of_the_attribute() {
    let job = Recorded::new(schema()).await;
    job.rig.source.upsert(ada());
    job.only(Method::Create).await;
    job.rig.source.set("u1", "department", "SALES");
    job.nothing().await;
    job.rig.source.set("u1", "displayName", "ADA");
    job.updated(&[("name", "ADA".into())]).await;
}

#[tokio::test]
async fn several_values_compare_without_order() {
    let tags = json!({"name": "tags", "multivalued": true});
    let schema =
        schema_with(slice::from_ref(&tags), slice::from_ref(&tags), &[mapping("tags", "[tags]", &json!({}))]);
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("tags", texts(["a", "b"])));
    job.only(Method::Create).await;
    job.rig.source.set("u1", "tags", texts(["b", "a"]));
    job.nothing().await;
    job.rig.source.set("u1", "tags", texts(["b"]));
    job.updated(&[("tags", texts(["b"]))]).await;
}

/// A target that shows numbers and truths as texts is not updated for that.
#[tokio::test]
async fn values_compare_in_the_type_of_the_attribute() {
    let age = json!({"name": "age", "type": "Integer"});
    let schema =
        schema_with(slice::from_ref(&age), slice::from_ref(&age), &[mapping("age", "[age]", &json!({}))]);
    let spelled = |value: &Value| Value::text(value.to_string());
    let target = MemoryTarget::new()
        .unique("account", "userName")
        .normalizing("age", spelled)
        .normalizing("active", spelled);
    let job = Recorded::with(MemorySource::new(), target, schema).await;
    job.rig.source.upsert(ada().with("age", 41));
    job.only(Method::Create).await;
    job.rig.source.set("u1", "displayName", "Ada L.");
    job.updated(&[("name", "Ada L.".into())]).await;
    job.rig.source.set("u1", "age", 42);
    job.updated(&[("age", 42.into())]).await;
}

#[tokio::test]
async fn a_required_attribute_without_a_value_waits_for_one() {
    let badge = json!({"name": "badge", "required": true});
    let schema =
        schema_with(&[json!({"name": "badge"})], &[badge], &[mapping("badge", "[badge]", &json!({}))]);
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada());
    job.nothing().await;
    let failures = job.failures().await;
    assert_eq!(failures.len(), 1);
    assert_eq!(
        (failures[0].code.wire(), failures[0].attribute.as_deref()),
        ("MandatoryFieldsMissing", Some("badge"))
    );
    job.rig.source.set("u1", "badge", "7");
    assert_eq!(job.only(Method::Create).await["badge"], "7".into());
    assert_eq!(job.failures().await, []);
}

#[tokio::test]
async fn read_only_attributes_and_anchors_match_and_are_never_sent() {
    let target =
        [json!({"name": "serial", "mutability": "ReadOnly"}), json!({"name": "key", "anchor": true})];
    let matching = json!({"matchingPriority": 2});
    let mappings =
        [mapping("serial", "[login]", &matching), mapping("key", "[login]", &json!({"matchingPriority": 3}))];
    let job = Recorded::new(schema_with(&[], &target, &mappings)).await;
    job.rig.source.upsert(ada());
    let sent = job.only(Method::Create).await;
    assert!(!sent.contains_key("serial") && !sent.contains_key("key"), "{sent:?}");
    job.rig.target.place("account", &[("userName", "b".into()), ("serial", "bob".into())]);
    job.rig.source.upsert(Object::new("User", "u2").with("login", "bob").with("displayName", "Bob"));
    let sent = job.only(Method::Update).await;
    assert_eq!(sent["userName"], "bob".into());
    assert!(!sent.contains_key("serial") && !sent.contains_key("key"), "{sent:?}");
}

#[tokio::test]
async fn an_immutable_attribute_is_sent_at_creation_alone() {
    let badge = json!({"name": "badge", "mutability": "Immutable"});
    let job =
        Recorded::new(schema_with(&[], &[badge], &[mapping("badge", "[department]", &json!({}))])).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["badge"], "Sales".into());
    job.rig.source.set("u1", "department", "IT");
    job.updated(&[("department", "IT".into())]).await;
}

/// What the target never shows is compared by a keyed hash, so nothing but a change of it is sent, and nothing of it is
/// kept.
#[tokio::test]
async fn a_write_only_attribute_is_sent_when_it_changes() {
    let password = json!({"name": "password", "mutability": "WriteOnly"});
    let schema = schema_with(
        &[json!({"name": "initial"})],
        &[password],
        &[mapping("password", "[initial]", &json!({}))],
    );
    let target = MemoryTarget::new().unique("account", "userName").normalizing("password", |_| Value::Null);
    let job = Recorded::with(MemorySource::new(), target, schema).await;
    job.rig.source.upsert(ada().with("initial", "correct horse"));
    assert_eq!(job.only(Method::Create).await["password"], "correct horse".into());
    job.rig.source.set("u1", "displayName", "Ada L.");
    job.updated(&[("name", "Ada L.".into())]).await;
    job.rig.source.set("u1", "initial", "battery staple");
    job.updated(&[("password", "battery staple".into())]).await;
    let log = format!("{:?}", job.rig.log().await);
    assert!(!log.contains("horse") && !log.contains("staple") && log.contains("[Redact]"));
    let entries = job.rig.store.links(&job.rig.job.id, None, 10).await.unwrap();
    assert!(!format!("{entries:?}").contains("staple"));
}

#[tokio::test]
async fn ignore_flow_if_null_or_empty_leaves_the_attribute_out() {
    let mut schema = schema();
    schema["directories"][0]["objects"][0]["attributes"][3]["flowNullValues"] = true.into();
    schema["directories"][1]["objects"][0]["attributes"][3]["flowNullValues"] = true.into();
    let department = mapping_of(&mut schema, "department");
    department["source"]["expression"] = "IgnoreFlowIfNullOrEmpty([department])".into();
    department["defaultValue"] = "General".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("department", Value::Null));
    assert!(!job.only(Method::Create).await.contains_key("department"));
    job.rig.source.set("u1", "department", "IT");
    job.updated(&[("department", "IT".into())]).await;
    for nothing in [Value::Null, "".into()] {
        job.rig.source.set("u1", "department", nothing);
        job.nothing().await;
    }
}

#[tokio::test]
async fn redacted_values_reach_the_target_and_nobody_else() {
    let mut schema = schema();
    mapping_of(&mut schema, "department")["source"]["expression"] = "Redact([department])".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("department", "Hush-Hush"));
    assert_eq!(job.only(Method::Create).await["department"], "Hush-Hush".into());
    job.rig.source.set("u1", "department", "Top-Secret");
    job.updated(&[("department", "Top-Secret".into())]).await;
    let log = job.rig.log().await;
    let modified = log.iter().flat_map(|record| &record.modified).filter(|one| one.name == "department");
    let shown: Vec<(&Value, &Value)> = modified.map(|one| (&one.old, &one.new)).collect();
    let redacted = &Value::from("[Redact]");
    assert_eq!(shown, [(&Value::Null, redacted), (redacted, redacted)]);
    assert!(!format!("{log:?}").contains("Hush") && !format!("{log:?}").contains("Secret"));
}

#[tokio::test]
async fn a_target_that_changes_values_is_not_updated_for_ever() {
    let target = MemoryTarget::new().unique("account", "userName").lowercasing("name");
    let job = Recorded::with(MemorySource::new(), target, schema()).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["name"], "Ada".into());
    assert_eq!(job.account().get("name"), &"ada".into());
    job.rig.source.set("u1", "department", "IT");
    job.updated(&[("department", "IT".into())]).await;
    job.alter("name", "changed by hand");
    job.rig.source.set("u1", "department", "Sales");
    job.updated(&[("name", "Ada".into()), ("department", "Sales".into())]).await;
}

#[tokio::test]
async fn before_an_update_the_target_is_read_or_trusted() {
    for (verification, reads) in [("ReadBeforeUpdate", 1), ("Trust", 0)] {
        let mut job = Recorded::new(schema()).await;
        job.rig.set_settings(&[("TargetVerification", verification)]).await;
        job.rig.source.upsert(ada());
        job.only(Method::Create).await;
        job.rig.source.set("u1", "department", "IT");
        assert_eq!(job.calls_of(Method::Read).await, reads, "{verification}");
        assert_eq!(job.account().get("department"), &"IT".into());
        // What somebody changed at the target is seen only where it is read.
        job.alter("name", "changed by hand");
        job.rig.source.set("u1", "department", "Legal");
        let mut expected = vec![("department", "Legal".into())];
        if reads > 0 {
            expected.push(("name", "Ada".into()));
        }
        job.updated(&expected).await;
    }
}

/// A value that does not fit is told with the attribute, and keeps nobody else from being provisioned.
#[tokio::test]
async fn what_does_not_fit_the_type_fails_its_object_alone() {
    let age = json!({"name": "age", "type": "Integer"});
    let schema = schema_with(&[json!({"name": "age"})], &[age], &[mapping("age", "[age]", &json!({}))]);
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("age", "old"));
    job.rig.source.upsert(Object::new("User", "u2").with("login", "bob").with("age", " 7 "));
    assert_eq!(job.only(Method::Create).await["age"], 7.into());
    let failures: Vec<Failure> = job.failures().await;
    assert_eq!(failures[0].code.wire(), "SchemaPropertyCanOnlyAcceptValue");
    assert!(failures[0].detail.contains(&format!("{:?}", AttributeType::Integer)), "{}", failures[0].detail);
}

/// A target's words about a request are not to give away what the request held.
#[tokio::test]
async fn what_the_target_says_of_a_redacted_value_is_concealed() {
    let mut schema = schema();
    mapping_of(&mut schema, "userName")["source"]["expression"] = "Redact([login])".into();
    let job = Recorded::new(schema).await;
    job.rig.source.upsert(ada().with("login", "ada-the-first"));
    job.only(Method::Create).await;
    // Somebody takes the name between the question and the answer; the target's refusal repeats it.
    job.rig.target.place("account", &[("userName", "next-name".into())]);
    job.rig.source.set("u1", "login", "next-name");
    assert!(job.writes().await.iter().all(|(method, _)| *method == Method::Update));
    let failures = job.failures().await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].detail.contains("[Redact]"), "{}", failures[0].detail);
    let log = format!("{:?}", job.rig.log().await);
    assert!(!log.contains("next-name") && !log.contains("ada-the-first"));
}

#[tokio::test]
async fn names_of_domains_come_from_the_tenant_and_the_settings() {
    let mut schema = schema();
    mapping_of(&mut schema, "name")["source"]["expression"] =
        r#"Join("|", [login], DefaultDomain(), %DomainFQDN%, %DomainNetBios%)"#.into();
    let mut job = Recorded::new(schema).await;
    job.rig.set_settings(&[("DomainFQDN", "corp.example.org"), ("DomainNetBios", "CORP")]).await;
    job.rig.source.upsert(ada());
    assert_eq!(job.only(Method::Create).await["name"], "ada|example.com|corp.example.org|CORP".into());
    // Another name is another value for everybody, and none fails whom it concerns.
    job.rig.set_settings(&[("DomainFQDN", "corp.example.org"), ("DomainNetBios", "NEW")]).await;
    job.updated(&[("name", "ada|example.com|corp.example.org|NEW".into())]).await;
    job.rig.set_settings(&[("DomainFQDN", "corp.example.org")]).await;
    job.nothing().await;
    let failures = job.failures().await;
    assert!(failures[0].detail.contains("no setting DomainNetBios"), "{}", failures[0].detail);
}

/// Managers and members flow by the same flow types as values.
#[tokio::test]
async fn a_manager_flows_as_its_mapping_says() {
    // Flow type, the manager after a change at the source, and after the account's was taken away.
    let rows = [("Always", "bob", ""), ("ObjectAddOnly", "eve", ""), ("AttributeAddOnly", "eve", "bob")];
    for (flow_type, changed, emptied) in rows {
        let mut schema = schema();
        mapping_of(&mut schema, "manager")["flowType"] = flow_type.into();
        let job = Recorded::new(schema).await;
        for login in ["eve", "bob"] {
            job.rig.source.upsert(Object::new("User", login).with("login", login));
        }
        job.rig.source.upsert(ada().with("manager", Value::Reference("eve".into())));
        job.rig.good_cycle().await;
        let manager = || {
            let managed = job.rig.account("ada").unwrap().get("manager").as_reference().cloned();
            let manager = managed.and_then(|anchor| job.rig.target.object(&anchor));
            manager.map(|account| account.get("userName").to_string()).unwrap_or_default()
        };
        assert_eq!(manager(), "eve", "{flow_type} at creation");
        job.rig.source.set("u1", "manager", Value::Reference("bob".into()));
        job.rig.good_cycle().await;
        assert_eq!(manager(), changed, "{flow_type} changed");
        let account = job.rig.account_anchor("ada");
        job.rig.target.alter(&account, "manager", Value::Null);
        job.rig.source.set("u1", "department", "IT");
        job.rig.good_cycle().await;
        assert_eq!(manager(), emptied, "{flow_type} emptied");
    }
}

#[tokio::test]
async fn members_flow_as_their_mapping_says() {
    // Flow type, and who is a member after one came and one went.
    let rows: [(&str, &[&str]); 3] =
        [("Always", &["eve"]), ("ObjectAddOnly", &["bob"]), ("MultiValueAddOnly", &["bob", "eve"])];
    for (flow_type, expected) in rows {
        let mut schema = schema();
        schema["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"][1]["flowType"] =
            flow_type.into();
        let job = Recorded::new(schema).await;
        for login in ["eve", "bob"] {
            job.rig.source.upsert(Object::new("User", login).with("login", login));
        }
        job.rig.source.upsert(group("staff"));
        job.rig.source.add_member("staff", "bob");
        job.rig.good_cycle().await;
        let team = job.rig.target.object_by("team", "name", "staff").unwrap().anchor;
        let members = || {
            let members = job.rig.target.references(&team, "members").into_iter();
            let names = members.map(|one| job.rig.target.object(&one).unwrap().get("userName").to_string());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        assert_eq!(members(), ["bob"], "{flow_type} at creation");
        job.rig.source.add_member("staff", "eve");
        job.rig.source.remove_member("staff", "bob");
        job.rig.good_cycle().await;
        assert_eq!(members(), expected, "{flow_type} changed");
        job.rig.restart(engine::ResetScope { watermark: true, ..engine::ResetScope::default() }).await;
        job.rig.good_cycle().await;
        assert_eq!(members(), expected, "{flow_type} read anew");
    }
}
