//! Against `scim2-server`.

use connector::{ErrorClass, ReferenceChange, Target};
use model::schema::AttributeType;
use model::{Anchor, FailureCode, Object, Value};
use testkit::rig::Scim2Server;

use super::{GROUP, USER, built, changes, configuration, reference, selection, target, values};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const WORK: &str = "emails[type eq \"work\"].value";
const ROLE: &str = "roles[primary eq \"True\"].value";

async fn create_user(target: &dyn Target, name: &str) -> Anchor {
    let created = target.create(&selection(USER, &["userName"]), &values(&[("userName", name.into())])).await;
    created.unwrap().anchor
}

#[tokio::test]
async fn a_user_lives_through_all_of_it() {
    let server = Scim2Server::start().unwrap();
    let target = target(&server.base_url()).await;
    target.check().await.unwrap();
    let all =
        selection(USER, &["userName", "active", "title", "name.givenName", WORK, ROLE, DEPARTMENT, MANAGER]);
    let boss = create_user(&*target, "boss").await;
    let name = "o'neil \"x\" \\ a+b&c=d%20é🦀#?";
    let wanted = values(&[
        ("userName", name.into()),
        ("active", "True".into()),
        ("name.givenName", "Ann".into()),
        (WORK, "ann@x.org".into()),
        (DEPARTMENT, "R&D".into()),
        (MANAGER, reference(&boss)),
    ]);
    let created = target.create(&all, &wanted).await.unwrap();
    for (attribute, expected) in [
        ("userName", Value::from(name)),
        ("active", true.into()),
        ("name.givenName", "Ann".into()),
        (WORK, "ann@x.org".into()),
        (DEPARTMENT, "R&D".into()),
        (MANAGER, reference(&boss)),
        ("title", Value::Null),
    ] {
        assert_eq!(created.get(attribute), &expected, "{attribute}");
    }
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), Some(created.clone()));
    for (attribute, value) in
        [("userName", Value::from(name)), (WORK, "ANN@X.ORG".into()), ("id", created.anchor.as_str().into())]
    {
        let found = target.find(&all, &attribute.into(), &value, false).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&created), "by {attribute}");
    }
    assert_eq!(target.find(&all, &"userName".into(), &"nobody".into(), false).await.unwrap(), []);
    assert_eq!(target.find(&all, &WORK.into(), &"ANN@X.ORG".into(), true).await.unwrap(), [], "case counts");

    let conflict =
        target.create(&all, &values(&[("userName", name.to_uppercase().into())])).await.unwrap_err();
    assert_eq!((conflict.class, conflict.code), (ErrorClass::Conflict, FailureCode::EntryConflict));

    let update = changes(&[
        ("active", true.into(), "False".into()),
        ("title", Value::Null, "CEO".into()),
        ("name.givenName", "Ann".into(), "Anna".into()),
        (WORK, "ann@x.org".into(), "anna@x.org".into()),
        (ROLE, Value::Null, "Admin".into()),
        (DEPARTMENT, "R&D".into(), Value::Null),
        (MANAGER, reference(&boss), Value::Null),
    ]);
    target.update(&all, &created.anchor, &update).await.unwrap();
    let expected = Object::new(USER, created.anchor.clone())
        .with("userName", name)
        .with("active", false)
        .with("title", "CEO")
        .with("name.givenName", "Anna")
        .with(WORK, "anna@x.org")
        .with(ROLE, "Admin");
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), Some(expected));

    target.delete(&USER.into(), &created.anchor).await.unwrap();
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), None);
    let title = changes(&[("title", "CEO".into(), "CTO".into())]);
    let gone = [
        target.delete(&USER.into(), &created.anchor).await.unwrap_err(),
        target.update(&all, &created.anchor, &title).await.unwrap_err(),
    ];
    assert!(gone.iter().all(|error| error.class == ErrorClass::NotFound), "{gone:?}");
}

/// What the server understands of the requests of Entra: it refuses the schema that Entra adds to new groups, managers
/// that are no objects, and, without the flag, the removal of members.
#[tokio::test]
async fn users_and_groups_in_the_manner_of_entra() {
    let server = Scim2Server::start().unwrap();
    let strict = target(&server.base_url()).await;
    for (number, profile) in ["aadOptscim062020", "AzureAdScimPatch2017"].into_iter().enumerate() {
        let target = super::target(&format!("{}?{profile}", server.base_url())).await;
        let attributes = ["userName", "active", "title", "nickName", WORK, DEPARTMENT];
        let all = selection(USER, &attributes);
        let name = format!("entra{number}");
        let wanted = values(&[
            ("userName", name.as_str().into()),
            ("active", "True".into()),
            ("title", "CEO".into()),
            (WORK, "ann@x.org".into()),
            (DEPARTMENT, "R&D".into()),
        ]);
        let user = target.create(&all, &wanted).await.unwrap();
        let found = target.find(&all, &"userName".into(), &name.as_str().into(), false).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&user), "{profile}");
        let update = changes(&[
            ("active", true.into(), "False".into()),
            ("title", "CEO".into(), "CTO".into()),
            ("nickName", Value::Null, "Ann".into()),
            (WORK, "ann@x.org".into(), "anna@x.org".into()),
            (DEPARTMENT, "R&D".into(), "Sales".into()),
        ]);
        target.update(&all, &user.anchor, &update).await.unwrap();
        let expected = Object::new(USER, user.anchor.clone())
            .with("userName", name.as_str())
            .with("active", false)
            .with("title", "CTO")
            .with("nickName", "Ann")
            .with(WORK, "anna@x.org")
            .with(DEPARTMENT, "Sales");
        assert_eq!(target.read(&all, &user.anchor).await.unwrap(), Some(expected), "{profile}");
        let named = values(&[("displayName", name.as_str().into())]);
        let refused = target.create(&selection(GROUP, &[]), &named).await.unwrap_err();
        assert!(
            refused.detail.contains("Unknown extension schemas: http://schemas.microsoft.com"),
            "{refused}"
        );
        let group = strict.create(&selection(GROUP, &[]), &named).await.unwrap().anchor;
        let change = |added: &[&Anchor], removed: &[&Anchor]| ReferenceChange {
            attribute: "members".into(),
            multivalued: true,
            added: added.iter().map(|one| (*one).clone()).collect(),
            removed: removed.iter().map(|one| (*one).clone()).collect(),
        };
        let kind = GROUP.into();
        target.update_references(&kind, &group, &change(&[&user.anchor], &[])).await.unwrap();
        let (shown, id) = (format!("{}/Groups/{group}", server.base_url()), user.anchor.as_str());
        assert!(fetch(&shown).await.contains(id), "{profile}");
        let removed = target.update_references(&kind, &group, &change(&[], &[&user.anchor])).await;
        if profile == "aadOptscim062020" {
            removed.unwrap();
            assert!(!fetch(&shown).await.contains(id));
        } else {
            let error = removed.unwrap_err();
            assert!(error.detail.contains("try aadOptscim062020 or rfc7644"), "{error}");
        }
        target.delete(&USER.into(), &user.anchor).await.unwrap();
    }
}

#[tokio::test]
async fn values_of_one_new_element_arrive_together() {
    let server = Scim2Server::start().unwrap();
    let target = target(&server.base_url()).await;
    let (city, country) = ("addresses[type eq \"work\"].locality", "addresses[type eq \"work\"].country");
    let all = selection(USER, &[city, country]);
    let user = create_user(&*target, "ann").await;
    let both = changes(&[(city, Value::Null, "Rome".into()), (country, Value::Null, "IT".into())]);
    target.update(&all, &user, &both).await.unwrap();
    let expected = Object::new(USER, user.clone()).with(city, "Rome").with(country, "IT");
    assert_eq!(target.read(&all, &user).await.unwrap(), Some(expected));
    // The element stays one when a part that it lacks comes later.
    let gone = changes(&[(country, "IT".into(), Value::Null)]);
    target.update(&all, &user, &gone).await.unwrap();
    let back = changes(&[(country, Value::Null, "FR".into())]);
    target.update(&all, &user, &back).await.unwrap();
    let expected = Object::new(USER, user.clone()).with(city, "Rome").with(country, "FR");
    assert_eq!(target.read(&all, &user).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn references_come_and_go() {
    let server = Scim2Server::start().unwrap();
    let target = target(&server.base_url()).await;
    let (ann, bob) = (create_user(&*target, "ann").await, create_user(&*target, "bob").await);
    let group = selection(GROUP, &["displayName"]);
    let guides = target.create(&group, &values(&[("displayName", "Guides".into())])).await.unwrap();
    let member_of = |user: &Anchor| {
        let (target, guides, user) = (target.clone(), guides.clone(), user.clone());
        async move {
            // Groups come without members, so the group is asked for by its member.
            let value = Value::Reference(user);
            let found = target
                .find(&selection(GROUP, &["displayName", "members"]), &"members".into(), &value, true)
                .await;
            assert_eq!(found.unwrap(), [], "members are left out of answers");
            let listed = target
                .find(&selection(GROUP, &["displayName"]), &"displayName".into(), &"Guides".into(), true)
                .await;
            assert_eq!(listed.unwrap(), [guides]);
        }
    };
    let change = |added: &[&Anchor], removed: &[&Anchor]| ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: added.iter().map(|one| (*one).clone()).collect(),
        removed: removed.iter().map(|one| (*one).clone()).collect(),
    };
    let kind = GROUP.into();
    let members = |expected: &'static str| {
        let (base, anchor) = (server.base_url(), guides.anchor.clone());
        let names = [("ann", ann.clone()), ("bob", bob.clone())];
        async move {
            let body = fetch(&format!("{base}/Groups/{anchor}")).await;
            let present: Vec<&str> = names
                .iter()
                .filter(|(_, anchor)| body.contains(anchor.as_str()))
                .map(|(name, _)| *name)
                .collect();
            assert_eq!(present.join(" "), expected);
        }
    };
    member_of(&ann).await;
    target.update_references(&kind, &guides.anchor, &change(&[&ann, &bob], &[])).await.unwrap();
    members("ann bob").await;
    target.update_references(&kind, &guides.anchor, &change(&[&ann], &[])).await.unwrap();
    target.update_references(&kind, &guides.anchor, &change(&[], &[&ann])).await.unwrap();
    members("bob").await;
    target
        .update_references(&kind, &guides.anchor, &change(&[&ann], &[&bob, &Anchor::new("nobody")]))
        .await
        .unwrap();
    members("ann").await;
    let lost =
        target.update_references(&kind, &Anchor::new("nothing"), &change(&[&ann], &[])).await.unwrap_err();
    assert_eq!(lost.class, ErrorClass::NotFound);

    let manager = |added: &[&Anchor], removed: &[&Anchor]| ReferenceChange {
        attribute: MANAGER.into(),
        multivalued: false,
        ..change(added, removed)
    };
    let user = selection(USER, &[MANAGER]);
    for (change, expected) in [
        (manager(&[&bob], &[]), reference(&bob)),
        (manager(&[&ann], &[&bob]), reference(&ann)),
        (manager(&[], &[&ann]), Value::Null),
        (manager(&[], &[&ann]), Value::Null),
    ] {
        target.update_references(&USER.into(), &ann, &change).await.unwrap();
        assert_eq!(target.read(&user, &ann).await.unwrap().unwrap().get(MANAGER), &expected);
    }
}

/// The body of a resource, as the server shows it to anybody with the token.
async fn fetch(url: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (address, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /{path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n", super::TOKEN);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
    answer
}

#[tokio::test]
async fn a_list_shows_every_object_once() {
    let server = Scim2Server::start().unwrap();
    let target = built(&configuration(&server.base_url(), &[("PageSize", "10")])).await;
    let mut expected = Vec::new();
    for number in 0..23 {
        expected.push(create_user(&*target, &format!("user{number}")).await);
    }
    let selected = selection(USER, &["userName"]);
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = target.list(&selected, cursor.as_ref()).await.unwrap();
        assert_eq!(page.total, Some(23));
        sizes.push(page.objects.len());
        seen.extend(page.objects.into_iter().map(|object| object.anchor));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 3]);
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    let groups = target.list(&selection(GROUP, &["displayName"]), None).await.unwrap();
    assert_eq!((groups.objects, groups.next), (Vec::new(), None));
}

#[tokio::test]
async fn the_service_describes_itself() {
    let server = Scim2Server::start().unwrap();
    let target = target(&server.base_url()).await;
    let definition = target.discover().await.unwrap();
    let user = definition.object(USER).unwrap();
    assert_eq!(user.attribute("active").unwrap().kind, AttributeType::Boolean);
    assert_eq!(user.attribute(MANAGER).unwrap().kind, AttributeType::Reference);
    assert!(user.attribute("userName").unwrap().required);
    assert!(definition.object(GROUP).unwrap().attribute("members").unwrap().multivalued);
}

#[tokio::test]
async fn wrong_credentials_and_addresses_are_told_apart() {
    let server = Scim2Server::start().unwrap();
    let mut wrong = configuration(&server.base_url(), &[]);
    wrong.secrets.set("SecretToken", "other-token");
    let refused = built(&wrong).await;
    for error in [
        refused.check().await.unwrap_err(),
        refused.read(&selection(USER, &[]), &Anchor::new("x")).await.unwrap_err(),
    ] {
        assert_eq!((&error.class, error.code), (&ErrorClass::Unauthorized, FailureCode::InvalidCredentials));
        assert!(!error.detail.contains("other-token"), "{error}");
    }
    let elsewhere = target(&format!("{}/nothing", server.base_url())).await;
    let error = elsewhere.check().await.unwrap_err();
    assert_eq!((error.class, error.code), (ErrorClass::Unavailable, FailureCode::ServiceIncompatible));
}
