//! Lists of directory objects under conditions.

use std::collections::BTreeSet;

use model::{Name, Uuid};
use serde_json::{Value as Json, json};
use store::{
    Comparison, DirectoryObject, DirectoryWrite, ListQuery, ObjectKind, OrderedQuery, Predicate, Presence,
    SharedStore,
};

use super::directory::object;
use super::fixture::Fixture;

fn query(predicate: Option<Predicate>) -> ListQuery {
    ListQuery { kind: ObjectKind::User, presence: Presence::Live, predicate, after: None, limit: 1_000 }
}

fn compare(property: &str, comparison: Comparison, value: Json) -> Predicate {
    Predicate::Compare(Name::from(property), comparison, value)
}

impl Fixture {
    async fn people(&self) -> Vec<DirectoryObject> {
        let names = ["Åsa", "åse", "Bo", "bob", "Émile", "zoë", "ZOË", "Żaneta", "o'Neil", "x%y_z", ""];
        let mut people: Vec<DirectoryObject> = (0..44usize)
            .map(|number| {
                let name = names[number % names.len()];
                object(
                    ObjectKind::User,
                    json!({
                        "displayName": name,
                        "userPrincipalName": format!("{name}{number}@example.com"),
                        "mail": if number % 4 == 0 { Json::Null } else { json!(format!("{name}@{}.org", number % 3)) },
                        "externalId": format!("{}", number % 5),
                        "accountEnabled": number % 2 == 0,
                        "age": number,
                        "hired": format!("2020-01-{:02}T00:00:00Z", number % 28 + 1),
                        "proxyAddresses": [format!("SMTP:{number}"), "smtp:all"],
                        "name": { "givenName": name },
                    }),
                )
            })
            .collect();
        people.push(object(ObjectKind::Group, json!({ "displayName": "Bo", "mailNickname": "bo" })));
        self.directory(people.iter().cloned().map(DirectoryWrite::Create).collect()).await;
        for person in people.iter_mut().filter(|person| person.kind == ObjectKind::User).step_by(6) {
            self.directory(vec![DirectoryWrite::SoftDelete { id: person.id }]).await;
            let read = self.store.objects(self.tenant, &[person.id], Presence::Deleted).await.expect("read");
            *person = read[0].clone();
        }
        people.sort_by_key(|person| person.id);
        people
    }

    async fn listed(&self, query: ListQuery) -> Vec<DirectoryObject> {
        self.store.list_objects(self.tenant, query).await.expect("read")
    }
}

fn is_present(object: &DirectoryObject, presence: Presence) -> bool {
    match presence {
        Presence::Live => object.deleted.is_none(),
        Presence::Deleted => object.deleted.is_some(),
        Presence::Any => true,
    }
}

/// Pages show each object of the kind and presence once, by rising id.
pub async fn lists_are_paged_by_id(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let people = fixture.people().await;
    for presence in [Presence::Live, Presence::Deleted, Presence::Any] {
        let expected: Vec<_> = people
            .iter()
            .filter(|one| one.kind == ObjectKind::User && is_present(one, presence))
            .cloned()
            .collect();
        let mut read: Vec<DirectoryObject> = Vec::new();
        loop {
            let after = read.last().map(|one| one.id);
            let page = fixture.listed(ListQuery { presence, after, limit: 5, ..query(None) }).await;
            assert!(page.len() <= 5);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, expected, "{presence:?}");
    }
    assert_eq!(fixture.listed(ListQuery { limit: 0, ..query(None) }).await, []);
    assert_eq!(fixture.listed(ListQuery { kind: ObjectKind::Group, ..query(None) }).await.len(), 1);
    let stranger = Fixture::new(store).await;
    assert_eq!(stranger.listed(query(None)).await, []);
}

fn conditions() -> Vec<Predicate> {
    use Comparison::{EndsWith, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, StartsWith};
    let mut conditions = vec![
        compare("displayName", Equal, json!("ÅSA")),
        compare("displayName", Equal, json!("zoë")),
        compare("displayName", Equal, json!("")),
        compare("displayName", StartsWith, json!("b")),
        compare("displayName", StartsWith, json!("")),
        compare("displayName", StartsWith, json!("x%")),
        compare("displayName", StartsWith, json!("o'")),
        compare("displayName", EndsWith, json!("Ë")),
        compare("displayName", GreaterOrEqual, json!("Zoë")),
        compare("displayName", Equal, Json::Null),
        compare("displayName", Equal, json!(7)),
        compare("userPrincipalName", StartsWith, json!("ZOË")),
        compare("mail", Equal, Json::Null),
        compare("mail", Equal, json!("BOB@1.org")),
        compare("externalId", Equal, json!("3")),
        compare("age", Less, json!(10)),
        compare("age", Greater, json!(40.5)),
        compare("hired", LessOrEqual, json!("2020-01-02T01:00:00+01:00")),
        compare("accountEnabled", Equal, json!(true)),
        compare("proxyAddresses", StartsWith, json!("smtp:1")),
        compare("proxyAddresses", Equal, json!("SMTP:ALL")),
        compare("name/givenName", Equal, json!("bo")),
        compare("no/such", Equal, Json::Null),
        compare("id", Equal, json!("not an id")),
    ];
    let simple = conditions.clone();
    let (first, last) = (&simple[3], &simple[18]);
    conditions.extend([
        Predicate::All(vec![first.clone(), last.clone()]),
        Predicate::All(vec![last.clone(), simple[1].clone(), simple[11].clone()]),
        Predicate::Any(vec![simple[0].clone(), simple[14].clone(), simple[14].clone()]),
        Predicate::Any(vec![simple[0].clone(), last.clone()]),
        Predicate::Not(Box::new(simple[14].clone())),
        Predicate::All(vec![Predicate::Not(Box::new(first.clone())), simple[14].clone()]),
        Predicate::All(vec![]),
        Predicate::Any(vec![]),
    ]);
    conditions
}

/// Whether an index answers or a scan, a list holds what the condition says, and so does a count.
pub async fn indexed_and_scanned_conditions_agree(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let people = fixture.people().await;
    let mut matched = 0;
    for condition in conditions() {
        for presence in [Presence::Live, Presence::Deleted, Presence::Any] {
            let expected: Vec<Uuid> = people
                .iter()
                .filter(|one| {
                    one.kind == ObjectKind::User && is_present(one, presence) && condition.holds(one)
                })
                .map(|one| one.id)
                .collect();
            matched += expected.len();
            let asked = ListQuery { presence, ..query(Some(condition.clone())) };
            let count = store.count_objects(fixture.tenant, asked.clone()).await.expect("counted");
            assert_eq!(count, expected.len() as u64, "{condition:?} {presence:?}");
            let mut read = Vec::new();
            loop {
                let page = fixture
                    .listed(ListQuery { after: read.last().copied(), limit: 3, ..asked.clone() })
                    .await;
                if page.is_empty() {
                    break;
                }
                read.extend(page.iter().map(|one| one.id));
            }
            assert_eq!(read, expected, "{condition:?} {presence:?}");
        }
    }
    assert!(matched > 300, "the conditions find something: {matched}");
}

/// What is changed is found under its new values alone.
pub async fn counts_leave_the_page_aside(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let people = fixture.people().await;
    let users: Vec<_> = people.iter().filter(|one| one.kind == ObjectKind::User).collect();
    let count = async |query: ListQuery| store.count_objects(fixture.tenant, query).await.expect("counted");
    let live = users.iter().filter(|one| one.deleted.is_none()).count() as u64;
    let page = ListQuery { after: Some(users[20].id), limit: 1, ..query(None) };
    assert_eq!(count(page.clone()).await, live);
    assert_eq!(count(ListQuery { presence: Presence::Any, ..page.clone() }).await, users.len() as u64);
    assert_eq!(
        count(ListQuery { presence: Presence::Deleted, ..page.clone() }).await,
        users.len() as u64 - live
    );
    let everybody = compare("proxyAddresses", Comparison::Equal, json!("smtp:all"));
    assert_eq!(count(ListQuery { predicate: Some(everybody), ..page }).await, live);

    let renamed = users.iter().find(|one| one.deleted.is_none()).expect("somebody lives");
    let named = |name: &str| query(Some(compare("displayName", Comparison::Equal, json!(name))));
    let old = renamed.text("displayName").expect("everybody has a name").to_owned();
    let before = count(named(&old)).await;
    let mut properties = renamed.properties.clone();
    properties.insert("displayName".into(), json!("Quite New"));
    fixture.directory(vec![DirectoryWrite::Replace { id: renamed.id, expected: None, properties }]).await;
    assert_eq!(count(named("quite new")).await, 1);
    assert_eq!(count(named(&old)).await, before - 1);
    fixture.directory(vec![DirectoryWrite::Purge { id: renamed.id }]).await;
    assert_eq!(count(named("quite new")).await, 0);
}

/// Ids are found whole and by their beginning, in any case.
pub async fn ids_are_found_by_their_beginning(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    let people = fixture.people().await;
    let live: BTreeSet<String> = people
        .iter()
        .filter(|one| one.kind == ObjectKind::User && one.deleted.is_none())
        .map(|one| one.id.to_string())
        .collect();
    let one = live.first().expect("somebody lives");
    for length in [0, 1, 2, 8, 9, 14, 35, 36] {
        let beginning = one[..length].to_uppercase();
        let found =
            fixture.listed(query(Some(compare("id", Comparison::StartsWith, json!(beginning))))).await;
        let found: BTreeSet<String> = found.iter().map(|one| one.id.to_string()).collect();
        let expected = live.iter().filter(|id| id.starts_with(&one[..length])).cloned().collect();
        assert_eq!(found, expected, "{beginning}");
    }
    let found =
        fixture.listed(query(Some(compare("id", Comparison::Equal, json!(one.to_uppercase()))))).await;
    assert_eq!(found.len(), 1);
    for beginning in ["zz", "-", "0-", &format!("{one}0")] {
        let found =
            fixture.listed(query(Some(compare("id", Comparison::StartsWith, json!(beginning))))).await;
        assert_eq!(found, [], "{beginning}");
    }
}

/// Objects come page by page in the order of a property, in either direction, whether an index narrows them or not.
pub async fn objects_come_in_order(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.people().await;
    let all = fixture.listed(query(None)).await;
    for predicate in [
        None,
        Some(compare("displayName", Comparison::WordStartsWith, json!("B"))),
        Some(compare("accountEnabled", Comparison::Equal, json!(true))),
    ] {
        for descending in [false, true] {
            let mut expected: Vec<(String, Uuid)> = all
                .iter()
                .filter(|one| predicate.as_ref().is_none_or(|predicate| predicate.holds(one)))
                .map(|one| (store::fold(one.text("userPrincipalName").expect("named")), one.id))
                .collect();
            assert!(expected.len() > 4);
            expected.sort();
            if descending {
                expected.reverse();
            }
            let mut ask = OrderedQuery {
                kind: ObjectKind::User,
                predicate: predicate.clone(),
                property: Name::from("userPrincipalName"),
                descending,
                after: None,
                limit: 3,
            };
            let mut found = Vec::new();
            loop {
                let page = store.list_ordered(fixture.tenant, ask.clone()).await.expect("read");
                let names = page.iter().map(|one| (one.text("userPrincipalName").expect("named"), one.id));
                found.extend(names.map(|(name, id)| (store::fold(name), id)));
                match page.last() {
                    Some(last) => {
                        let name = last.text("userPrincipalName").expect("named");
                        ask.after = Some((name.to_owned(), last.id));
                    }
                    None => break,
                }
            }
            assert_eq!(found, expected, "{predicate:?} {descending}");
        }
    }
}
