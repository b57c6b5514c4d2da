//! A tenant with an application, and what follows its feed.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::{Change, ChangePage, ChangeRequest, Configuration, Cursor, Selection, Source, SourceObject};
use connector_directory::DirectorySource;
use directory::{Directory, NewObject, ObjectKind, Relation, RelationKind, TenantDirectory};
use model::secrets::Secrets;
use model::{Anchor, Name, ServicePrincipalId, TenantId, Uuid};
use serde_json::{Map, Value as Json, json};
use store::{SharedStore, Tenant};
use store_sqlite::SqliteStore;
use testkit::{SeededEntropy, SimulatedClock};

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e4a));
/// The role `User` of applications made from the template.
pub(crate) const USER_ROLE: Uuid = Uuid::from_u128(0x18d1_4569_c3bd_439b_9a66_3a2a_ee01_d14f);
/// The other one.
pub(crate) const MSIAM_ROLE: Uuid = Uuid::from_u128(0xb963_2174_c057_4f7e_951b_be3a_dc52_bfe6);

/// A tenant's directory with an application.
pub(crate) struct World {
    pub(crate) store: SharedStore,
    pub(crate) all: Directory,
    pub(crate) tenant: TenantDirectory,
    pub(crate) application: Uuid,
    pub(crate) principal: Uuid,
}

impl World {
    pub(crate) async fn new() -> Self {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let created = "2026-01-01T00:00:00Z".parse().unwrap();
        let tenant =
            Tenant { id: TENANT, display_name: "Example".into(), domain: "example.com".into(), created };
        store.create_tenant(tenant).await.unwrap();
        let clock = Arc::new(SimulatedClock::default());
        let all = Directory::new(store.clone(), clock, Arc::new(SeededEntropy::new(1)));
        let tenant = all.of(TENANT);
        let made = tenant.instantiate(directory::CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
        let (application, principal) = (made.application.id, made.service_principal.id);
        Self { store, all, tenant, application, principal }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        Configuration {
            tenant: TENANT,
            service_principal: ServicePrincipalId(self.principal),
            job: None,
            secrets: Secrets::new(),
            settings: Vec::new(),
            nested_groups: false,
        }
    }

    /// A source where the assigned and the direct members of assigned groups are entitled.
    pub(crate) fn source(&self) -> DirectorySource {
        DirectorySource::new(self.tenant.clone(), &self.configuration())
    }

    /// A source where members of groups in assigned groups are entitled too.
    pub(crate) fn nested(&self) -> DirectorySource {
        let configuration = Configuration { nested_groups: true, ..self.configuration() };
        DirectorySource::new(self.tenant.clone(), &configuration)
    }

    /// A source where everybody is entitled.
    pub(crate) fn everybody(&self) -> DirectorySource {
        let mut configuration = self.configuration();
        configuration.secrets.set("SyncAll", "true");
        DirectorySource::new(self.tenant.clone(), &configuration)
    }

    pub(crate) async fn user(&self, name: &str) -> Uuid {
        self.tenant.create(ObjectKind::User, user(name)).await.unwrap().id
    }

    pub(crate) async fn group(&self, name: &str) -> Uuid {
        self.tenant.create(ObjectKind::Group, group(name)).await.unwrap().id
    }

    /// A group with so many new members, by rising id.
    pub(crate) async fn crowd(&self, name: &str, size: usize) -> (Uuid, Vec<Uuid>) {
        let crowd = self.group(name).await;
        let base = crowd.as_u128() & !0xffff_ffff;
        let ids: Vec<Uuid> = (0..size).map(|number| Uuid::from_u128(base + number as u128)).collect();
        for chunk in ids.chunks(5_000) {
            let new = |id: &Uuid| NewObject {
                kind: ObjectKind::User,
                id: Some(*id),
                properties: user(&id.simple().to_string()[..32]),
            };
            let member = |id: &Uuid| Relation { kind: RelationKind::Member, from: crowd, to: *id };
            let (objects, relations) = (chunk.iter().map(new).collect(), chunk.iter().map(member).collect());
            self.tenant.import(objects, relations).await.unwrap();
        }
        (crowd, ids)
    }

    pub(crate) async fn patch(&self, kind: ObjectKind, id: Uuid, change: Json) {
        self.tenant.patch(kind, id, None, map(change)).await.unwrap();
    }

    pub(crate) async fn rename(&self, user: Uuid, name: &str) {
        self.patch(ObjectKind::User, user, json!({"displayName": name})).await;
    }

    pub(crate) async fn join(&self, group: Uuid, member: Uuid) {
        self.tenant.relate(RelationKind::Member, group, &[member]).await.unwrap();
    }

    pub(crate) async fn leave(&self, group: Uuid, member: Uuid) {
        self.tenant.unrelate(RelationKind::Member, group, &[member]).await.unwrap();
    }

    pub(crate) async fn assign(&self, principal: Uuid) -> Uuid {
        self.tenant.assign(self.principal, principal, USER_ROLE).await.unwrap().id
    }

    pub(crate) async fn unassign(&self, assignment: Uuid) {
        self.tenant.unassign(assignment).await.unwrap();
    }
}

pub(crate) fn map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn user(name: &str) -> Map<String, Json> {
    map(json!({
        "displayName": name, "userPrincipalName": format!("{name}@example.com"), "mailNickname": name,
        "accountEnabled": true
    }))
}

fn group(name: &str) -> Map<String, Json> {
    map(json!({"displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true}))
}

/// Users and groups with the attributes that the tests look at.
pub(crate) fn selections() -> Vec<Selection> {
    let of = |kind: &str, attributes: &[&str]| Selection {
        kind: kind.into(),
        attributes: attributes.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    };
    vec![
        of("User", &["objectId", "displayName", "accountEnabled", "manager", "appRoleAssignments"]),
        of("Group", &["objectId", "displayName", "members"]),
    ]
}

pub(crate) fn anchor(id: Uuid) -> Anchor {
    Anchor::new(id.to_string())
}

pub(crate) fn anchors(ids: &[Uuid]) -> Vec<Anchor> {
    ids.iter().map(|id| anchor(*id)).collect()
}

/// What the engine would know of the source from its feed.
pub(crate) struct Follower {
    pub(crate) source: DirectorySource,
    pub(crate) selections: Vec<Selection>,
    pub(crate) page_size: usize,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) objects: BTreeMap<Anchor, SourceObject>,
}

impl Follower {
    pub(crate) fn new(source: DirectorySource) -> Self {
        Self { source, selections: selections(), page_size: 100, cursor: None, objects: BTreeMap::new() }
    }

    /// A follower that has read everything.
    pub(crate) async fn ready(source: DirectorySource) -> Self {
        let mut follower = Self::new(source);
        follower.catch_up().await;
        follower
    }

    /// The follower asking who is a member of these groups.
    pub(crate) fn asking(mut self, groups: &[Anchor]) -> Self {
        for selection in &mut self.selections {
            selection.groups = groups.to_vec();
        }
        self
    }

    pub(crate) fn pages_of(mut self, page_size: usize) -> Self {
        self.page_size = page_size;
        self
    }

    /// Reads one page, checks what every page must hold, and takes it in.
    pub(crate) async fn page(&mut self) -> ChangePage {
        let request = ChangeRequest {
            selections: &self.selections,
            cursor: self.cursor.as_ref(),
            page_size: self.page_size,
        };
        let page = self.source.changes(request).await.unwrap();
        assert!(page.changes.len() <= self.page_size, "{} changes", page.changes.len());
        let mut seen = std::collections::HashSet::new();
        for change in &page.changes {
            match change {
                Change::Upsert(upsert) => {
                    assert!(seen.insert(upsert.object.anchor.clone()), "twice: {change:?}");
                    self.objects.insert(upsert.object.anchor.clone(), upsert.clone());
                }
                Change::Delete { anchor, .. } => {
                    assert!(seen.insert(anchor.clone()), "twice: {change:?}");
                    self.objects.remove(anchor);
                }
                Change::ReferenceDelta { .. } => {}
            }
        }
        self.cursor = Some(page.cursor.clone());
        page
    }

    /// Reads pages until there are no more, and returns all changes.
    pub(crate) async fn catch_up(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..100_000 {
            let page = self.page().await;
            changes.extend(page.changes);
            if !page.more {
                return changes;
            }
        }
        panic!("the feed does not end");
    }

    /// Catches up and says which objects were yielded, sorted, each as often as it was.
    pub(crate) async fn touched(&mut self) -> Vec<Anchor> {
        let mut touched: Vec<_> = self
            .catch_up()
            .await
            .into_iter()
            .filter(|change| !matches!(change, Change::ReferenceDelta { .. }))
            .map(|change| change.anchor().clone())
            .collect();
        touched.sort();
        touched
    }

    /// The groups, of those that are asked about, that the follower knows an object to be a member of.
    pub(crate) fn member_of(&self, id: Uuid) -> &[Anchor] {
        &self.objects[&anchor(id)].member_of
    }

    pub(crate) fn entitled(&self, id: Uuid) -> bool {
        self.objects[&anchor(id)].entitled
    }

    /// The roles that the follower knows of an object, as the attribute shows them.
    pub(crate) fn role_texts(&self, id: Uuid) -> Vec<String> {
        let value = self.objects[&anchor(id)].object.get("appRoleAssignments").clone();
        value.values().iter().map(ToString::to_string).collect()
    }

    /// Their names.
    pub(crate) fn roles(&self, id: Uuid) -> Vec<String> {
        let name = |text: &String| {
            let role: serde_json::Value = serde_json::from_str(text).unwrap();
            role["displayName"].as_str().unwrap().to_owned()
        };
        self.role_texts(id).iter().map(name).collect()
    }
}

/// The reference deltas among changes, as (owner, added, removed), sorted.
pub(crate) fn deltas(changes: &[Change]) -> Vec<(Anchor, Vec<Anchor>, Vec<Anchor>)> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::ReferenceDelta { anchor, attribute, added, removed, .. } => {
                assert_eq!(attribute, "members");
                let sorted = |anchors: &[Anchor]| {
                    let mut anchors = anchors.to_vec();
                    anchors.sort();
                    anchors
                };
                Some((anchor.clone(), sorted(added), sorted(removed)))
            }
            _ => None,
        })
        .collect()
}
