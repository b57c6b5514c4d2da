use connector::{AttributeChange, ChangeKind};

use super::*;
use crate::faults::Fault;

fn selection(attributes: &[&str]) -> Selection {
    Selection {
        kind: "User".into(),
        attributes: attributes.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    }
}

fn changes(values: &[(&str, Value)]) -> ChangeSet {
    let change = |(name, value): &(&str, Value)| AttributeChange {
        attribute: (*name).into(),
        kind: ChangeKind::Set,
        old: Value::Null,
        new: value.clone(),
        redacted: false,
    };
    ChangeSet { changes: values.iter().map(change).collect() }
}

fn members(added: &[&Anchor], removed: &[&Anchor]) -> ReferenceChange {
    let anchors = |list: &[&Anchor]| list.iter().map(|anchor| (*anchor).clone()).collect();
    ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: anchors(added),
        removed: anchors(removed),
    }
}

#[tokio::test]
async fn a_unique_value_clashes_whatever_its_case_and_changes_nothing() {
    let target = MemoryTarget::new().unique("User", "userName");
    let all = selection(&["userName", "title"]);
    let first = target.create(&all, &changes(&[("userName", "Ärla".into())])).await.unwrap();
    let second = target.create(&all, &changes(&[("userName", "bo".into())])).await.unwrap();
    let clash = target.create(&all, &changes(&[("userName", "äRLA".into())])).await.unwrap_err();
    assert_eq!(clash.class, ErrorClass::Conflict);
    let wanted = changes(&[("title", "x".into()), ("userName", "ärla".into())]);
    assert_eq!(target.update(&all, &second.anchor, &wanted).await.unwrap_err().class, ErrorClass::Conflict);
    assert_eq!(target.object(&second.anchor).unwrap(), second);
    // The holder itself may spell it anew, and once it lets go the value is free.
    target.update(&all, &first.anchor, &changes(&[("userName", "ÄRLA".into())])).await.unwrap();
    target.update(&all, &first.anchor, &changes(&[("userName", "c".into())])).await.unwrap();
    target.update(&all, &second.anchor, &wanted).await.unwrap();
    target.delete(&"User".into(), &second.anchor).await.unwrap();
    target.create(&all, &changes(&[("userName", "ÄRLA".into())])).await.unwrap();
    assert_eq!(target.len("User"), 2);
}

#[tokio::test]
async fn finding_folds_case_only_where_it_may() {
    let target = MemoryTarget::new().unique("User", "userName");
    target.place("User", &[("userName", "Ann".into()), ("title", "Boss".into())]);
    let all = selection(&["userName"]);
    for (attribute, value) in [("userName", "aNN"), ("title", "bOSS")] {
        let find =
            async |exact| target.find(&all, &attribute.into(), &value.into(), exact).await.unwrap().len();
        assert_eq!((find(false).await, find(true).await), (1, 0), "{attribute}");
    }
    let found = target.find(&all, &"title".into(), &"Boss".into(), true).await.unwrap();
    assert!(found[0].get("title").is_null() && found[0].get("userName").as_text() == Some("Ann"));
}

#[tokio::test]
async fn pages_cover_a_type_once() {
    let target = MemoryTarget::new().page_size(3);
    for number in 0..10 {
        target.place(if number == 4 { "Group" } else { "User" }, &[("title", Value::Integer(number))]);
    }
    target.take_away(&"t3".into());
    let mut numbers = Vec::new();
    let mut cursor = None;
    loop {
        let page = target.list(&selection(&["title"]), cursor.as_ref()).await.unwrap();
        assert!(page.objects.len() <= 3 && page.total == Some(8));
        numbers.extend(page.objects.iter().map(|object| object.get("title").to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(numbers, ["0", "1", "3", "5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn references_must_point_somewhere_and_go_with_their_object() {
    let target = MemoryTarget::new();
    let (ann, bob) = (target.place("User", &[]), target.place("User", &[]));
    let group = target.place("Group", &[]);
    let kind = Name::from("Group");
    target.update_references(&kind, &group, &members(&[&ann, &bob], &[])).await.unwrap();
    target.update_references(&kind, &group, &members(&[&ann], &[])).await.unwrap();
    assert_eq!(target.references(&group, "members"), [ann.clone(), bob.clone()]);
    let dangling =
        target.update_references(&kind, &group, &members(&[&"t99".into()], &[])).await.unwrap_err();
    assert_eq!(dangling.attribute().unwrap(), "members");
    let manager = changes(&[("manager", Value::Reference(ann.clone()))]);
    target.update(&selection(&[]), &bob, &manager).await.unwrap();
    target.delete(&"User".into(), &ann).await.unwrap();
    assert_eq!(target.references(&group, "members"), std::slice::from_ref(&bob));
    assert!(target.object(&bob).unwrap().get("manager").is_null());
    target.update_references(&kind, &group, &members(&[], &[&bob, &bob])).await.unwrap();
    assert!(target.references(&group, "members").is_empty());
    assert_eq!(target.delete(&"User".into(), &ann).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn a_single_reference_is_set_and_removed() {
    let target = MemoryTarget::new();
    let (ann, bob, cid) = (target.place("User", &[]), target.place("User", &[]), target.place("User", &[]));
    let change = |added: Option<&Anchor>, removed: Option<&Anchor>| ReferenceChange {
        attribute: "manager".into(),
        multivalued: false,
        added: added.into_iter().cloned().collect(),
        removed: removed.into_iter().cloned().collect(),
    };
    let kind = Name::from("User");
    target.update_references(&kind, &cid, &change(Some(&ann), None)).await.unwrap();
    target.update_references(&kind, &cid, &change(Some(&bob), Some(&ann))).await.unwrap();
    assert_eq!(target.object(&cid).unwrap().get("manager").as_reference(), Some(&bob));
    target.update_references(&kind, &cid, &change(None, None)).await.unwrap();
    assert_eq!(target.object(&cid).unwrap().get("manager").as_reference(), Some(&bob));
    target.update_references(&kind, &cid, &change(None, Some(&ann))).await.unwrap();
    assert!(target.object(&cid).unwrap().get("manager").is_null());
}

#[tokio::test]
async fn too_many_references_in_one_request_are_refused() {
    let small = TypeCapabilities { kind: "Group".into(), reference_chunk: 1, ..TypeCapabilities::default() };
    let target = MemoryTarget::new().with_type(small);
    let (ann, bob) = (target.place("User", &[]), target.place("User", &[]));
    let group = target.place("Group", &[]);
    let refused = target.update_references(&"Group".into(), &group, &members(&[&ann, &bob], &[])).await;
    assert_eq!(refused.unwrap_err().attribute().unwrap(), "members");
    assert!(target.references(&group, "members").is_empty());
}

#[tokio::test]
async fn values_are_normalized_on_their_way_in() {
    let target = MemoryTarget::new().lowercasing("mail");
    let all = selection(&["mail", "title"]);
    let made = target.create(&all, &changes(&[("mail", "A@X".into()), ("title", "A".into())])).await.unwrap();
    assert_eq!((made.get("mail").as_text(), made.get("title").as_text()), (Some("a@x"), Some("A")));
    let shown =
        target.update(&all, &made.anchor, &changes(&[("mail", "B@X".into())])).await.unwrap().unwrap();
    assert_eq!(shown.get("mail").as_text(), Some("b@x"));
}

#[tokio::test]
async fn an_add_joins_what_is_there() {
    let target = MemoryTarget::new();
    let ann = target.place("User", &[("roles", Value::list(["a".into(), "b".into()]))]);
    let mut more = changes(&[("roles", Value::list(["b".into(), "c".into()]))]);
    more.changes[0].kind = ChangeKind::Add;
    target.update(&selection(&[]), &ann, &more).await.unwrap();
    assert_eq!(target.object(&ann).unwrap().get("roles").to_string(), "a; b; c");
}

#[tokio::test]
async fn calls_are_counted_faulty_ones_too() {
    let target = MemoryTarget::new();
    target.faults().next(Method::Create, Fault::lost_answer());
    let all = selection(&["title"]);
    let lost = target.create(&all, &changes(&[("title", "x".into())])).await.unwrap_err();
    assert!(lost.may_have_taken_effect());
    assert_eq!(target.len("User"), 1);
    target.check().await.unwrap();
    assert_eq!(
        (target.calls().of(Method::Create), target.calls().writes(), target.calls().total()),
        (1, 1, 2)
    );
    target.forget_calls();
    assert_eq!(target.calls(), Calls::default());
}

#[tokio::test]
async fn what_is_there_is_described() {
    let target = MemoryTarget::new();
    target.place("User", &[("title", "x".into()), ("roles", Value::list(["a".into(), "b".into()]))]);
    let definition = target.discover().await.unwrap();
    let user = definition.object("User").unwrap();
    assert!(user.attribute("roles").unwrap().multivalued && !user.attribute("title").unwrap().multivalued);
}

/// Prints how many creates a second one thread makes; run by hand, in a release build.
#[tokio::test]
#[ignore = "a measurement: cargo test --release -p testkit -- --ignored --nocapture creates_per_second"]
async fn creates_per_second() {
    let target = MemoryTarget::new().unique("User", "userName");
    let people: Vec<ChangeSet> = crate::people::users(1, 200_000)
        .map(|user| {
            let mut set = ChangeSet::default();
            for (name, value) in user.attributes.iter().filter(|(name, _)| *name != "manager") {
                set.changes.extend(changes(&[(name, value.clone())]).changes);
            }
            set.changes.extend(changes(&[("userName", user.get("userPrincipalName").clone())]).changes);
            set
        })
        .collect();
    let all = selection(&[]);
    let mut best = 0.0_f64;
    for part in people.chunks(1_000) {
        let begin = std::time::Instant::now();
        for set in part {
            target.create(&all, set).await.unwrap();
        }
        best = best.max(1_000.0 / begin.elapsed().as_secs_f64());
    }
    println!("{best:.0} creates per second, the best of 200 measurements");
}

#[tokio::test]
async fn the_suite_of_targets_holds() {
    let target = MemoryTarget::new().unique("account", "userName").page_size(5);
    let subject = crate::connector_suite::targets::Subject {
        target: Arc::new(target),
        kind: "account".into(),
        account: |name| vec![("userName", name.into())],
        key: "userName".into(),
        text: "title".into(),
        several: Some("otherMails".into()),
        reference: Some("manager".into()),
        groups: Some(("team".into(), |name| vec![("name", name.into())], "members".into())),
        typed: false,
        crowd: 12,
    };
    crate::connector_suite::targets::every_behaviour(&subject).await;
}
