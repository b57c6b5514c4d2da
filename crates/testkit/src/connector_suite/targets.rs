//! What MUST hold of every target.

use std::collections::BTreeSet;
use std::sync::Arc;

use connector::{
    AttributeChange, ChangeKind, ChangeSet, ConnectorError, Cursor, ErrorClass, ReferenceChange, Selection,
    Target,
};
use model::{Anchor, Name, Object, Value};

use super::{ODD_TEXTS, selection};

/// What a new object of a name is made with.
pub type Values = fn(&str) -> Vec<(&'static str, Value)>;

/// A target, and what the suite has to know of its other side.
pub struct Subject {
    /// The target.
    pub target: Arc<dyn Target>,
    /// The type of accounts.
    pub kind: Name,
    /// What an account is made with, among it its `key`.
    pub account: Values,
    /// A text by which accounts are found, unique without regard to case.
    pub key: Name,
    /// A text of accounts that may be anything or absent, and that compares without regard to case.
    pub text: Name,
    /// Several texts of accounts, where the target has such an attribute.
    pub several: Option<Name>,
    /// A reference from one account to another, where the target has one.
    pub reference: Option<Name>,
    /// The type of groups, what a group is made with, and its members; where the target has groups.
    pub groups: Option<(Name, Values, Name)>,
    /// True where the other side refuses attributes that it does not have.
    pub typed: bool,
    /// More accounts than a page holds.
    pub crowd: usize,
}

/// Runs the whole suite.
pub async fn every_behaviour(subject: &Subject) {
    the_other_side_is_checked_and_described(subject).await;
    an_account_lives_from_create_to_delete(subject).await;
    accounts_are_found_by_any_text(subject).await;
    attributes_that_are_not_selected_are_left_out(subject).await;
    several_values_are_set_joined_and_cleared(subject).await;
    what_must_be_unique_is_a_conflict(subject).await;
    what_cannot_be_written_is_refused_whole(subject).await;
    what_is_not_there_is_not_found(subject).await;
    a_reference_is_set_replaced_and_removed(subject).await;
    members_come_and_go_however_often_they_are_told(subject).await;
    a_list_shows_every_account_once(subject).await;
}

impl Subject {
    /// Every attribute that the suite looks at.
    fn all(&self) -> Selection {
        let several = self.several.iter().chain(&self.reference);
        let names: Vec<&Name> = [&self.key, &self.text].into_iter().chain(several).collect();
        selection(&self.kind, &names)
    }

    async fn create(&self, name: &str, more: &[(&Name, Value)]) -> Object {
        let created = self.target.create(&self.all(), &self.values(name, more)).await;
        created.unwrap_or_else(|error| panic!("{name} is not made: {error:?}"))
    }

    fn values(&self, name: &str, more: &[(&Name, Value)]) -> ChangeSet {
        let own = (self.account)(name).into_iter().map(|(name, value)| (Name::from(name), value));
        let more = more.iter().map(|(name, value)| ((*name).clone(), value.clone()));
        let more: Vec<_> = more.collect();
        let own = own.filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        set(&own.chain(more.iter().cloned()).collect::<Vec<_>>())
    }

    fn key_of(&self, name: &str) -> Value {
        let values = (self.account)(name);
        let found = values.into_iter().find(|(attribute, _)| self.key == *attribute);
        found.expect("an account is made with its key").1
    }

    async fn read(&self, anchor: &Anchor) -> Option<Object> {
        self.target.read(&self.all(), anchor).await.expect("a read of an anchor works")
    }

    async fn update(&self, anchor: &Anchor, changes: &ChangeSet) -> Result<Option<Object>, ConnectorError> {
        self.target.update(&self.all(), anchor, changes).await
    }

    /// Changes one attribute, and tells what the target shows of it then.
    async fn changed(&self, anchor: &Anchor, change: AttributeChange) -> Value {
        let attribute = change.attribute.clone();
        let answer = self.update(anchor, &ChangeSet { changes: vec![change] }).await;
        let answer = answer.unwrap_or_else(|error| panic!("{attribute} is not changed: {error:?}"));
        let shown = self.read(anchor).await.expect("what was changed is there");
        if let Some(answer) = answer {
            assert_eq!(answer, shown, "the answer to an update is what a read shows");
        }
        shown.get(&attribute).clone()
    }

    async fn find(&self, attribute: &Name, value: &Value, case_exact: bool) -> Vec<Object> {
        let found = self.target.find(&self.all(), attribute, value, case_exact).await;
        found.unwrap_or_else(|error| panic!("nothing can be found by {attribute} '{value}': {error:?}"))
    }

    /// The anchors of accounts that a list shows, each as often as it does; a page holds so many at most.
    async fn listed(&self) -> Vec<Object> {
        let (mut objects, mut cursor): (Vec<Object>, Option<Cursor>) = (Vec::new(), None);
        for _ in 0..10_000 {
            let page = self.target.list(&self.all(), cursor.as_ref()).await.expect("a page is listed");
            objects.extend(page.objects);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return objects,
            }
        }
        panic!("the list does not end");
    }
}

fn change(attribute: &Name, kind: ChangeKind, new: Value) -> AttributeChange {
    AttributeChange { attribute: attribute.clone(), kind, old: Value::Null, new, redacted: false }
}

fn set(values: &[(Name, Value)]) -> ChangeSet {
    let changes = values.iter().map(|(name, value)| change(name, ChangeKind::Set, value.clone()));
    ChangeSet { changes: changes.collect() }
}

/// The check passes, and the description names the type and the attributes.
async fn the_other_side_is_checked_and_described(subject: &Subject) {
    subject.create("described", &[(&subject.text, "x".into())]).await;
    subject.target.check().await.expect("the check passes");
    let definition = subject.target.discover().await.expect("the other side describes itself");
    let object = definition.object(&subject.kind).expect("the description names the type of accounts");
    for name in [&subject.key, &subject.text] {
        assert!(object.attribute(name).is_some(), "the description names {name}");
    }
}

async fn an_account_lives_from_create_to_delete(subject: &Subject) {
    let made = subject.create("liver", &[(&subject.text, "one".into())]).await;
    assert!(!made.anchor.as_str().is_empty());
    assert_eq!(subject.read(&made.anchor).await.as_ref(), Some(&made), "the answer is what a read shows");
    assert_eq!(made.kind, subject.kind);
    assert_eq!(made.get(&subject.text), &Value::from("one"));
    for (new, shown) in [("two", Value::from("two")), ("", Value::Null), ("three", Value::from("three"))] {
        let value = if new.is_empty() { Value::Null } else { Value::from(new) };
        let seen = subject.changed(&made.anchor, change(&subject.text, ChangeKind::Set, value)).await;
        assert_eq!(seen, shown);
    }
    // What a request does not name stays.
    let after = subject.read(&made.anchor).await.expect("it is there");
    assert_eq!(after.get(&subject.key), made.get(&subject.key));
    // What is there already may be said again, and what is not there be cleared.
    for value in [Value::from("three"), Value::Null, Value::Null] {
        let seen = subject.changed(&made.anchor, change(&subject.text, ChangeKind::Set, value.clone())).await;
        assert_eq!(seen, value);
    }
    subject.target.delete(&subject.kind, &made.anchor).await.expect("it is deleted");
    assert_eq!(subject.read(&made.anchor).await, None);
    assert_eq!(subject.find(&subject.key, &subject.key_of("liver"), false).await, []);
    assert!(subject.listed().await.iter().all(|one| one.anchor != made.anchor));
    let again = subject.create("liver", &[]).await;
    assert_ne!(again.anchor, made.anchor, "an anchor is never another object's");
}

/// Odd characters find exactly the account that has them; case counts where it is told to.
async fn accounts_are_found_by_any_text(subject: &Subject) {
    let mut made = Vec::new();
    for (number, text) in ODD_TEXTS.into_iter().enumerate() {
        made.push(subject.create(&format!("odd{number}"), &[(&subject.text, text.into())]).await);
    }
    for (number, (text, object)) in ODD_TEXTS.into_iter().zip(&made).enumerate() {
        assert_eq!(object.get(&subject.text), &Value::from(text), "texts come back as they were sent");
        for exact in [true, false] {
            let found = subject.find(&subject.text, &text.into(), exact).await;
            assert_eq!(found, std::slice::from_ref(object), "'{text}' finds what has it");
        }
        let (upper, lower) = (Value::from(text.to_uppercase()), Value::from(text.to_lowercase()));
        if text.is_ascii() && upper != lower {
            let other = if upper == Value::from(text) { lower } else { upper };
            let found = subject.find(&subject.text, &other, false).await;
            assert_eq!(found, std::slice::from_ref(object), "'{other}' finds without regard to case");
            assert_eq!(subject.find(&subject.text, &other, true).await, [], "'{other}' does not exactly");
        }
        let found = subject.find(&subject.key, &subject.key_of(&format!("odd{number}")), false).await;
        assert_eq!(found, std::slice::from_ref(object), "the key finds it");
    }
    // A part of a value, a pattern and nothing at all are no values.
    for text in ["o'nei", "o'neil ", "*", "%", "_'neil", "no such text"] {
        assert_eq!(subject.find(&subject.text, &text.into(), false).await, [], "'{text}' finds nobody");
    }
    let twins = [subject.create("twin1", &[]).await, subject.create("twin2", &[]).await];
    for twin in &twins {
        subject.changed(&twin.anchor, change(&subject.text, ChangeKind::Set, "Twins".into())).await;
    }
    let found: BTreeSet<Anchor> =
        subject.find(&subject.text, &"twins".into(), false).await.into_iter().map(|one| one.anchor).collect();
    assert_eq!(found, twins.map(|one| one.anchor).into(), "everybody with the value is found");
}

async fn attributes_that_are_not_selected_are_left_out(subject: &Subject) {
    let made = subject.create("selected", &[(&subject.text, "unselected".into())]).await;
    let only = selection(&subject.kind, &[&subject.key]);
    let read = subject.target.read(&only, &made.anchor).await.expect("it is read").expect("it is there");
    let found = subject.target.find(&only, &subject.text, &"unselected".into(), true).await;
    for object in [Some(read), found.expect("it is found").pop()] {
        let object = object.expect("it is there");
        assert_eq!(object.get(&subject.key), made.get(&subject.key));
        assert_eq!(object.get(&subject.text), &Value::Null);
    }
}

async fn several_values_are_set_joined_and_cleared(subject: &Subject) {
    let Some(attribute) = &subject.several else { return };
    let made = subject.create("several", &[]).await;
    let list =
        |values: &[&str]| Value::list(values.iter().map(|value| Value::from(*value)).collect::<Vec<_>>());
    let sorted = |value: &Value| {
        let mut texts: Vec<String> = value.values().iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    for (kind, new, shown) in [
        (ChangeKind::Set, list(&["b@x.example", "a@x.example"]), vec!["a@x.example", "b@x.example"]),
        (ChangeKind::Add, list(&["c@x.example"]), vec!["a@x.example", "b@x.example", "c@x.example"]),
        (ChangeKind::Add, list(&["a@x.example"]), vec!["a@x.example", "b@x.example", "c@x.example"]),
        (ChangeKind::Set, list(&["d@x.example"]), vec!["d@x.example"]),
        (ChangeKind::Set, Value::Null, vec![]),
    ] {
        let seen = subject.changed(&made.anchor, change(attribute, kind, new.clone())).await;
        assert_eq!(sorted(&seen), shown, "{kind:?} {new:?}");
    }
}

/// A second account with a key is refused as such, made or changed, and changes nothing.
async fn what_must_be_unique_is_a_conflict(subject: &Subject) {
    let first = subject.create("unique", &[(&subject.text, "first".into())]).await;
    let second = subject.create("other", &[(&subject.text, "second".into())]).await;
    let taken = subject.key_of("unique");
    let upper = Value::from(taken.to_string().to_uppercase());
    for key in [&taken, &upper] {
        let wanted = subject.values("third", &[(&subject.key, key.clone())]);
        let error = subject.target.create(&subject.all(), &wanted).await.expect_err("the key is taken");
        assert_eq!(error.class, ErrorClass::Conflict, "{error}");
        let changes = set(&[(subject.text.clone(), "changed".into()), (subject.key.clone(), key.clone())]);
        let error = subject.update(&second.anchor, &changes).await.expect_err("the key is taken");
        assert_eq!(error.class, ErrorClass::Conflict, "{error}");
        assert_eq!(subject.read(&second.anchor).await.as_ref(), Some(&second), "nothing was changed");
    }
    assert_eq!(subject.find(&subject.key, &taken, false).await, [first]);
}

/// An attribute that the other side does not have is told as the attribute at fault, and nothing is written.
async fn what_cannot_be_written_is_refused_whole(subject: &Subject) {
    if !subject.typed {
        return;
    }
    let unknown = Name::from("noSuchAttribute");
    let made = subject.create("whole", &[(&subject.text, "before".into())]).await;
    let changes = set(&[(subject.text.clone(), "after".into()), (unknown.clone(), "x".into())]);
    let error = subject.update(&made.anchor, &changes).await.expect_err("there is no such attribute");
    assert!(matches!(error.class, ErrorClass::Invalid { .. }), "{error:?}");
    assert_eq!(subject.read(&made.anchor).await, Some(made), "nothing was changed");
}

async fn what_is_not_there_is_not_found(subject: &Subject) {
    let gone = subject.create("gone", &[]).await.anchor;
    subject.target.delete(&subject.kind, &gone).await.expect("it is deleted");
    let anchors = [gone, "nobody".into(), "a/../b?c#d".into(), "00000000-0000-0000-0000-000000000000".into()];
    for anchor in anchors {
        assert_eq!(subject.read(&anchor).await, None, "{anchor}");
        let changes = set(&[(subject.text.clone(), "x".into())]);
        let mut errors = vec![
            subject.update(&anchor, &changes).await.expect_err("nobody is there"),
            subject.target.delete(&subject.kind, &anchor).await.expect_err("nobody is there"),
        ];
        if let Some((kind, _, members)) = &subject.groups {
            let change = referring(members, true, &[], &[&anchor]);
            let told = subject.target.update_references(kind, &anchor, &change).await;
            errors.push(told.expect_err("no group is there"));
        }
        for error in errors {
            assert_eq!(error.class, ErrorClass::NotFound, "{anchor}: {error}");
        }
    }
}

fn referring(attribute: &Name, multivalued: bool, added: &[&Anchor], removed: &[&Anchor]) -> ReferenceChange {
    let anchors = |anchors: &[&Anchor]| anchors.iter().map(|one| (*one).clone()).collect();
    ReferenceChange {
        attribute: attribute.clone(),
        multivalued,
        added: anchors(added),
        removed: anchors(removed),
    }
}

async fn a_reference_is_set_replaced_and_removed(subject: &Subject) {
    let Some(attribute) = &subject.reference else { return };
    let names = ["reports", "boss1", "boss2"];
    let mut made = Vec::new();
    for name in names {
        made.push(subject.create(name, &[]).await.anchor);
    }
    let [owner, first, second] = made.as_slice() else { panic!("three were made") };
    for (added, removed, shown) in [
        (vec![first], vec![], Some(first)),
        (vec![first], vec![], Some(first)),
        (vec![second], vec![first], Some(second)),
        (vec![], vec![second], None),
        (vec![], vec![second], None),
    ] {
        let change = referring(attribute, false, &added, &removed);
        subject.target.update_references(&subject.kind, owner, &change).await.expect("a reference changes");
        let seen = subject.read(owner).await.expect("the owner is there");
        let shown = shown.map_or(Value::Null, |shown| Value::Reference(shown.clone()));
        assert_eq!(seen.get(attribute), &shown, "{change:?}");
    }
}

async fn members_come_and_go_however_often_they_are_told(subject: &Subject) {
    let Some((kind, values, attribute)) = &subject.groups else { return };
    let mut people = Vec::new();
    for name in ["member1", "member2", "member3"] {
        people.push(subject.create(name, &[]).await.anchor);
    }
    let [ann, bob, cyd] = people.as_slice() else { panic!("three were made") };
    let values: Vec<_> = values("staff").into_iter().map(|(name, value)| (name.into(), value)).collect();
    let group = subject.target.create(&selection(kind, &[]), &set(&values)).await.expect("a group is made");
    for (added, removed, shown) in [
        (vec![ann, bob], vec![], vec![ann, bob]),
        (vec![ann], vec![], vec![ann, bob]),
        (vec![cyd], vec![ann], vec![bob, cyd]),
        (vec![], vec![ann], vec![bob, cyd]),
        (vec![bob, ann], vec![cyd], vec![ann, bob]),
        (vec![], vec![ann, bob, cyd], vec![]),
    ] {
        let change = referring(attribute, true, &added, &removed);
        let told = subject.target.update_references(kind, &group.anchor, &change).await;
        told.unwrap_or_else(|error| panic!("{change:?}: {error:?}"));
        let page = subject.target.references(kind, &group.anchor, attribute, None).await;
        let Some(page) = page.expect("members are read") else { continue };
        let seen: BTreeSet<&Anchor> = page.references.iter().collect();
        assert_eq!(seen, shown.into_iter().collect(), "{change:?}");
    }
}

/// Every account once, with its attributes; a place that is none is refused as such.
async fn a_list_shows_every_account_once(subject: &Subject) {
    let mut made: Vec<Object> = Vec::new();
    for number in 0..subject.crowd {
        made.push(subject.create(&format!("crowd{number}"), &[(&subject.text, "crowd".into())]).await);
    }
    let listed = subject.listed().await;
    let mut seen: Vec<&Object> =
        listed.iter().filter(|one| made.iter().any(|made| made.anchor == one.anchor)).collect();
    let mut expected: Vec<&Object> = made.iter().collect();
    for objects in [&mut seen, &mut expected] {
        objects.sort_by(|left, right| left.anchor.cmp(&right.anchor));
    }
    assert_eq!(seen, expected);
    let nowhere = Cursor("no place".to_owned());
    let error = subject.target.list(&subject.all(), Some(&nowhere)).await.expect_err("this is no place");
    assert_eq!(error.class, ErrorClass::CursorRefused, "{error}");
}
