//! The service with a real client: the connector that provisions into SCIM services.

use std::sync::Arc;

use connector::{
    AttributeChange, ChangeKind, ChangeSet, Configuration, ErrorClass, Factory as _, ReferenceChange,
    Selection, Target,
};
use connector_scim::ScimFactory;
use model::{
    Anchor, FailureCode, Object, ServicePrincipalId, SystemClock, SystemEntropy, TenantId, Uuid, Value,
};
use server::auth::tenant_token;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{ENTERPRISE, GROUP, get, members};
use crate::world::{CLIENT, SECRET, TENANT, World};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const WORK: &str = "emails[type eq \"work\"].value";
const ROLE: &str = "roles[primary eq \"True\"].value";

/// A service that listens, and a target that speaks to it.
struct Rig {
    world: World,
    target: Arc<dyn Target>,
    listening: AbortHandle,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Rig {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let world = World::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        let router = world.router();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let secrets =
            [("BaseAddress", base), ("SecretToken", tenant_token(TenantId(TENANT), CLIENT, SECRET))];
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let configuration = Configuration {
            tenant: TenantId(Uuid::nil()),
            service_principal: ServicePrincipalId(Uuid::nil()),
            job: None,
            secrets: secrets.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            settings: settings.collect(),
            nested_groups: false,
        };
        let factory = ScimFactory::new(Arc::new(SystemClock), Arc::new(SystemEntropy));
        let target = factory.target(&configuration).await.unwrap();
        Self { world, target, listening: serving.abort_handle() }
    }

    async fn user(&self, name: &str) -> Anchor {
        let selection = selection(ENTERPRISE, &["userName"]);
        self.target.create(&selection, &values(&[("userName", name.into())])).await.unwrap().anchor
    }
}

fn selection(kind: &str, attributes: &[&str]) -> Selection {
    Selection {
        kind: kind.into(),
        attributes: attributes.iter().map(|name| (*name).into()).collect(),
        ..Selection::default()
    }
}

fn changes(changes: &[(&str, Value, Value)]) -> ChangeSet {
    let change = |(attribute, old, new): &(&str, Value, Value)| AttributeChange {
        attribute: (*attribute).into(),
        kind: ChangeKind::Set,
        old: old.clone(),
        new: new.clone(),
        redacted: false,
    };
    ChangeSet { changes: changes.iter().map(change).collect() }
}

fn values(values: &[(&str, Value)]) -> ChangeSet {
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, Value::Null, value.clone())).collect();
    changes(&values)
}

fn reference(anchor: &Anchor) -> Value {
    Value::Reference(anchor.clone())
}

#[tokio::test]
async fn a_user_lives_through_all_of_it() {
    let rig = Rig::new(&[]).await;
    let target = &rig.target;
    target.check().await.unwrap();
    let all = selection(
        ENTERPRISE,
        &["userName", "active", "title", "name.givenName", WORK, ROLE, DEPARTMENT, MANAGER],
    );
    let boss = rig.user("boss").await;
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
    let expected = Object::new(ENTERPRISE, created.anchor.clone())
        .with("userName", name)
        .with("active", true)
        .with("name.givenName", "Ann")
        .with(WORK, "ann@x.org")
        .with(DEPARTMENT, "R&D")
        .with(MANAGER, reference(&boss));
    assert_eq!(created, expected);
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), Some(expected));
    for (attribute, value) in
        [("userName", Value::from(name)), (WORK, "ANN@X.ORG".into()), ("id", created.anchor.as_str().into())]
    {
        let found = target.find(&all, &attribute.into(), &value, false).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&created), "by {attribute}");
    }
    assert_eq!(target.find(&all, &"userName".into(), &"nobody".into(), false).await.unwrap(), []);
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
    let expected = Object::new(ENTERPRISE, created.anchor.clone())
        .with("userName", name)
        .with("active", false)
        .with("title", "CEO")
        .with("name.givenName", "Anna")
        .with(WORK, "anna@x.org")
        .with(ROLE, "Admin");
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), Some(expected));

    target.delete(&ENTERPRISE.into(), &created.anchor).await.unwrap();
    assert_eq!(target.read(&all, &created.anchor).await.unwrap(), None);
    let gone = target.delete(&ENTERPRISE.into(), &created.anchor).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::NotFound);
}

#[tokio::test]
async fn references_come_and_go() {
    let rig = Rig::new(&[]).await;
    let target = &rig.target;
    let (ann, bob) = (rig.user("ann").await, rig.user("bob").await);
    let group = selection(GROUP, &["displayName"]);
    let guides = target.create(&group, &values(&[("displayName", "Guides".into())])).await.unwrap().anchor;
    let change = |attribute: &str, added: &[&Anchor], removed: &[&Anchor]| ReferenceChange {
        attribute: attribute.into(),
        multivalued: attribute == "members",
        added: added.iter().map(|one| (*one).clone()).collect(),
        removed: removed.iter().map(|one| (*one).clone()).collect(),
    };
    for (added, removed, expected) in [
        (vec![&ann, &bob], vec![], vec![&ann, &bob]),
        (vec![&ann], vec![], vec![&ann, &bob]),
        (vec![], vec![&ann], vec![&bob]),
        (vec![&ann], vec![&bob], vec![&ann]),
        (vec![], vec![&bob], vec![&ann]),
    ] {
        let change = change("members", &added, &removed);
        target.update_references(&GROUP.into(), &guides, &change).await.unwrap();
        let mut expected: Vec<String> = expected.iter().map(|anchor| anchor.as_str().to_owned()).collect();
        expected.sort();
        assert_eq!(members(&rig.world, guides.as_str()).await, expected);
    }
    let nobody = Anchor::new("11111111-1111-4111-8111-111111111111");
    let unknown = change("members", &[&nobody], &[]);
    let error = target.update_references(&GROUP.into(), &guides, &unknown).await.unwrap_err();
    assert!(matches!(error.class, ErrorClass::Invalid { .. }), "{error}");
    let lost = target.update_references(&GROUP.into(), &nobody, &change("members", &[&ann], &[])).await;
    assert_eq!(lost.unwrap_err().class, ErrorClass::NotFound);

    let user = selection(ENTERPRISE, &[MANAGER]);
    for (added, removed, expected) in [
        (vec![&bob], vec![], reference(&bob)),
        (vec![], vec![&bob], Value::Null),
        (vec![], vec![&bob], Value::Null),
    ] {
        let change = change(MANAGER, &added, &removed);
        target.update_references(&ENTERPRISE.into(), &ann, &change).await.unwrap();
        assert_eq!(target.read(&user, &ann).await.unwrap().unwrap().get(MANAGER), &expected);
    }
}

#[tokio::test]
async fn a_list_shows_every_object_once() {
    let rig = Rig::new(&[("PageSize", "10")]).await;
    let mut expected = Vec::new();
    for number in 0..23 {
        expected.push(rig.user(&format!("user{number}")).await);
    }
    let selected = selection(ENTERPRISE, &["userName"]);
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = rig.target.list(&selected, cursor.as_ref()).await.unwrap();
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
}

#[tokio::test]
async fn the_description_is_understood() {
    let rig = Rig::new(&[]).await;
    let definition = rig.target.discover().await.unwrap();
    assert!(definition.object(ENTERPRISE).unwrap().attribute("userName").unwrap().required);
    assert!(definition.object(GROUP).unwrap().attribute("members").unwrap().multivalued);
    assert_eq!(get(&rig.world, "/Users").await.expect(200)["totalResults"], 0);
}
