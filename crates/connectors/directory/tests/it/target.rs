use connector::{
    AttributeChange, ChangeKind, ChangeSet, ErrorClass, Factory as _, ReferenceChange, Selection, Target,
};
use connector_directory::{DirectoryFactory, DirectoryTarget};
use directory::ObjectKind;
use model::{Anchor, JobId, Name, Object, Uuid, Value};
use serde_json::json;

use crate::world::{World, anchor};

fn selection(kind: &str, attributes: &[&str]) -> Selection {
    Selection {
        kind: kind.into(),
        attributes: attributes.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    }
}

fn set(attribute: &str, value: impl Into<Value>) -> AttributeChange {
    AttributeChange {
        attribute: attribute.into(),
        kind: ChangeKind::Set,
        old: Value::Null,
        new: value.into(),
        redacted: false,
    }
}

fn changes(changes: Vec<AttributeChange>) -> ChangeSet {
    ChangeSet { changes }
}

fn ada() -> Vec<AttributeChange> {
    vec![
        set("accountEnabled", true),
        set("displayName", "Ada"),
        set("mailNickname", "ada"),
        set("userPrincipalName", "ada_home.example#EXT#@here.example"),
        set("employeeId", "701984"),
        set("telephoneNumber", "+44 1"),
        set("employeeOrgData.costCenter", "77"),
        set("extensionAttribute3", "three"),
        set("otherMails", Value::list(["a@x.example".into()])),
        set("extension_0123_level", "5"),
    ]
}

struct Rig {
    world: World,
    target: DirectoryTarget,
    users: Selection,
}

impl Rig {
    async fn new() -> Self {
        let world = World::new().await;
        let target = DirectoryTarget::new(world.tenant.clone());
        let names: Vec<String> = ada().iter().map(|change| change.attribute.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).chain(["objectId", "manager"]).collect();
        Self { world, target, users: selection("User", &names) }
    }

    async fn create(&self) -> Object {
        self.target.create(&self.users, &changes(ada())).await.unwrap()
    }

    async fn change(&self, anchor: &Anchor, change: AttributeChange) -> Object {
        self.target.update(&self.users, anchor, &changes(vec![change])).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_is_written_is_what_is_read() {
    let rig = Rig::new().await;
    let made = rig.create().await;
    for change in ada() {
        assert_eq!(*made.get(&change.attribute), change.new, "{}", change.attribute);
    }
    assert_eq!(made.get("objectId").as_text(), Some(made.anchor.as_str()));
    assert_eq!(rig.target.read(&rig.users, &made.anchor).await.unwrap(), Some(made.clone()));
    let id = made.anchor.as_str().parse().unwrap();
    let object = rig.world.tenant.get(ObjectKind::User, id).await.unwrap().unwrap();
    assert_eq!(object.properties["businessPhones"], json!(["+44 1"]));
    assert_eq!(object.properties["employeeOrgData"], json!({"costCenter": "77"}));

    for (change, expected) in [
        (set("accountEnabled", false), false.into()),
        (set("telephoneNumber", Value::Null), Value::Null),
        (set("telephoneNumber", "+44 2"), "+44 2".into()),
        (set("employeeOrgData.costCenter", Value::Null), Value::Null),
        (set("extensionAttribute3", "drei"), "drei".into()),
        (
            AttributeChange { kind: ChangeKind::Add, ..set("otherMails", "b@x.example") },
            Value::list(["a@x.example".into(), "b@x.example".into()]),
        ),
        (set("employeeId", Value::Null), Value::Null),
    ] {
        let name = change.attribute.clone();
        assert_eq!(*rig.change(&made.anchor, change).await.get(&name), expected, "{name}");
    }
}

#[tokio::test]
async fn accounts_are_found_by_any_attribute() {
    let rig = Rig::new().await;
    let made = rig.create().await;
    let find = async |attribute: &str, value: &str, case_exact| {
        let attribute = attribute.into();
        rig.target.find(&rig.users, &attribute, &value.into(), case_exact).await.unwrap()
    };
    for (attribute, value) in [
        ("employeeId", "701984"),
        ("userPrincipalName", "ADA_HOME.example#EXT#@here.example"),
        ("telephoneNumber", "+44 1"),
        ("employeeOrgData.costCenter", "77"),
        ("otherMails", "A@x.example"),
        ("objectId", made.anchor.as_str()),
    ] {
        assert_eq!(
            find(attribute, value, false).await.as_slice(),
            std::slice::from_ref(&made),
            "{attribute}"
        );
    }
    assert!(find("displayName", "ADA", true).await.is_empty());
    assert!(find("employeeId", "701", false).await.is_empty());
    let none = rig.target.find(&rig.users, &"shoeSize".into(), &"7".into(), false).await.unwrap_err();
    assert!(none.detail.contains("no attribute 'shoeSize'"), "{none}");
}

#[tokio::test]
async fn lists_are_paged_and_the_bin_is_not_in_them() {
    let rig = Rig::new().await;
    rig.world.crowd("crowd", 1_200).await;
    let made = rig.create().await;
    rig.target.delete(&"User".into(), &made.anchor).await.unwrap();
    let (mut seen, mut cursor) = (0, None);
    loop {
        let page = rig.target.list(&rig.users, cursor.as_ref()).await.unwrap();
        assert_eq!(page.total, cursor.is_none().then_some(1_200));
        seen += page.objects.len();
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, 1_200);
    assert_eq!(rig.target.read(&rig.users, &made.anchor).await.unwrap(), None);
    let again = rig.target.delete(&"User".into(), &made.anchor).await.unwrap_err();
    assert_eq!(again.class, ErrorClass::NotFound);
}

#[tokio::test]
async fn references_are_added_and_removed_whatever_is_there() {
    let rig = Rig::new().await;
    let (ada, bob, crew) =
        (rig.world.user("ada").await, rig.world.user("bob").await, rig.world.group("crew").await);
    let change = async |kind: &str, of: Uuid, attribute: &str, added: &[Uuid], removed: &[Uuid]| {
        let anchors = |ids: &[Uuid]| ids.iter().map(|id| anchor(*id)).collect();
        let multivalued = attribute == "members";
        let (added, removed) = (anchors(added), anchors(removed));
        let change = ReferenceChange { attribute: attribute.into(), multivalued, added, removed };
        rig.target.update_references(&kind.into(), &anchor(of), &change).await
    };
    let shown = async |kind: &str, of: Uuid, attribute: &str| {
        let page = rig.target.references(&kind.into(), &anchor(of), &attribute.into(), None).await;
        page.unwrap().unwrap().references
    };
    for _ in 0..2 {
        change("User", ada, "manager", &[bob], &[]).await.unwrap();
        assert_eq!(shown("User", ada, "manager").await, [anchor(bob)]);
    }
    let read = rig.target.read(&rig.users, &anchor(ada)).await.unwrap().unwrap();
    assert_eq!(*read.get("manager"), Value::Reference(anchor(bob)));
    change("User", ada, "manager", &[], &[ada]).await.unwrap();
    assert_eq!(shown("User", ada, "manager").await, [anchor(bob)], "another is the manager");
    for _ in 0..2 {
        change("User", ada, "manager", &[], &[bob]).await.unwrap();
        assert!(shown("User", ada, "manager").await.is_empty());
        change("Group", crew, "members", &[ada, bob], &[]).await.unwrap();
        assert_eq!(shown("Group", crew, "members").await.len(), 2);
    }
    change("Group", crew, "members", &[bob], &[ada]).await.unwrap();
    change("Group", crew, "members", &[], &[ada]).await.unwrap();
    assert_eq!(shown("Group", crew, "members").await, [anchor(bob)]);

    let nobody = Uuid::from_u128(9);
    let absent = change("User", ada, "manager", &[nobody], &[]).await.unwrap_err();
    assert_eq!(absent.class, ErrorClass::Invalid { attribute: Some("manager".into()) });
    let gone = change("User", nobody, "manager", &[bob], &[]).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::NotFound);
    assert!(change("User", ada, "members", &[bob], &[]).await.is_err());
}

#[tokio::test]
async fn refusals_tell_their_class_and_change_nothing() {
    let rig = Rig::new().await;
    let made = rig.create().await;
    let class = async |change: AttributeChange| {
        let both = changes(vec![set("displayName", "Other"), change]);
        rig.target.update(&rig.users, &made.anchor, &both).await.unwrap_err().class
    };
    let invalid = |attribute: &str| ErrorClass::Invalid { attribute: Some(attribute.into()) };
    rig.world.user("bob").await;
    assert_eq!(class(set("userPrincipalName", "bob@example.com")).await, ErrorClass::Conflict);
    assert_eq!(class(set("userPrincipalName", "bob")).await, invalid("userPrincipalName"));
    assert_eq!(class(set("objectId", "x")).await, invalid("objectId"));
    assert_eq!(class(set("id", "x")).await, invalid("id"));
    assert_eq!(rig.target.read(&rig.users, &made.anchor).await.unwrap(), Some(made.clone()));
    let twice = rig.target.create(&rig.users, &changes(ada())).await.unwrap_err();
    assert_eq!(twice.class, ErrorClass::Conflict);
    for unknown in ["x".into(), anchor(Uuid::from_u128(9))] {
        let gone = rig.target.update(&rig.users, &unknown, &changes(vec![set("city", "x")])).await;
        assert_eq!(gone.unwrap_err().class, ErrorClass::NotFound);
    }
}

/// What a job writes is told to everybody but that job.
#[tokio::test]
async fn changes_carry_the_job_that_made_them() {
    let world = World::new().await;
    let job = JobId::from_text("job");
    let mut told = world.all.subscribe();
    let configuration = connector::Configuration { job: Some(job.clone()), ..world.configuration() };
    let target = DirectoryFactory::new(world.all.clone()).target(&configuration).await.unwrap();
    target.check().await.unwrap();
    assert_eq!(target.discover().await.unwrap(), connector_directory::definition());
    let source = DirectoryFactory::new(world.all.clone()).source(&configuration).await.unwrap();
    assert_eq!(source.discover().await.unwrap(), Some(connector_directory::definition()));
    target.create(&selection("User", &[]), &changes(ada())).await.unwrap();
    assert_eq!(told.recv().await.unwrap().origin, Some(job));
}
