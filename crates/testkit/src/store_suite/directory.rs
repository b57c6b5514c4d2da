//! The embedded directory: objects, relations, assignments, entitlement and the change feed.

use std::collections::BTreeMap;

use model::{JobId, TenantId, Timestamp, Uuid};
use serde_json::{Map, Value as Json, json};
use store::{
    AppRoleAssignment, ChangeSubject, DirectoryObject, DirectoryWrite, ObjectKind, Presence, RelationKind,
    SharedStore, StoreError,
};

use super::fixture::{Fixture, at, id};

const NOBODY: [Uuid; 0] = [];

/// Properties from JSON.
pub(super) fn properties(json: Json) -> Map<String, Json> {
    let Json::Object(properties) = json else { panic!("properties are an object") };
    properties
}

/// A new object.
pub(super) fn object(kind: ObjectKind, json: Json) -> DirectoryObject {
    let properties = properties(json);
    DirectoryObject { id: id(), kind, version: 1, created: at(1), modified: at(1), deleted: None, properties }
}

impl Fixture {
    pub(super) async fn directory(&self, writes: Vec<DirectoryWrite>) {
        self.try_directory(writes).await.expect("the directory is written");
    }

    async fn try_directory(&self, writes: Vec<DirectoryWrite>) -> store::Result<()> {
        self.store.write_directory(self.tenant, None, at(9), writes).await
    }

    /// Makes objects of a kind, named by their place.
    pub(super) async fn objects<const N: usize>(&self, kind: ObjectKind) -> [Uuid; N] {
        let objects: [DirectoryObject; N] =
            std::array::from_fn(|place| object(kind, json!({ "displayName": format!("{kind:?} {place}") })));
        let ids = objects.each_ref().map(|object| object.id);
        self.directory(objects.map(DirectoryWrite::Create).into()).await;
        ids
    }

    /// Makes writes at a moment; those whose reading shows this moment afterwards, of some objects.
    async fn modified_by(&self, now: Timestamp, write: DirectoryWrite, of: &[Uuid]) -> Vec<Uuid> {
        self.store.write_directory(self.tenant, None, now, vec![write]).await.expect("written");
        let found = self.store.objects(self.tenant, of, Presence::Any).await.expect("read");
        let modified = |id: &&Uuid| found.iter().any(|one| one.id == **id && one.modified == now);
        of.iter().filter(modified).copied().collect()
    }

    async fn read(&self, id: Uuid, presence: Presence) -> Option<DirectoryObject> {
        let mut found = self.store.objects(self.tenant, &[id, id], presence).await.expect("read");
        assert!(found.len() <= 1);
        found.pop()
    }

    async fn newest(&self) -> u64 {
        self.store.change_range(self.tenant).await.expect("read").0
    }

    async fn changes_since(&self, number: u64) -> Vec<ChangeSubject> {
        let changes = self.store.changes_after(self.tenant, number, 1_000).await.expect("read");
        changes.into_iter().map(|change| change.subject).collect()
    }

    async fn related(&self, kind: RelationKind, from: Uuid) -> Vec<Uuid> {
        self.store.related(self.tenant, kind, from, None, 1_000).await.expect("read")
    }

    async fn relating(&self, kind: RelationKind, to: Uuid) -> Vec<Uuid> {
        self.store.relating(self.tenant, kind, to, None, 1_000).await.expect("read")
    }
}

/// A membership.
pub(super) fn member(group: Uuid, to: Uuid) -> DirectoryWrite {
    DirectoryWrite::Relate { kind: RelationKind::Member, from: group, to }
}

fn manager(of: Uuid, to: Uuid) -> DirectoryWrite {
    DirectoryWrite::Relate { kind: RelationKind::Manager, from: of, to }
}

/// An assignment with its id.
pub(super) fn assign(resource: Uuid, principal: Uuid, app_role: u128) -> (Uuid, DirectoryWrite) {
    let id = id();
    let app_role = Uuid::from_u128(app_role);
    (id, DirectoryWrite::Assign(AppRoleAssignment { id, resource, principal, app_role, created: at(2) }))
}

/// Subjects without regard to order, for what is written in one go.
fn sorted(mut subjects: Vec<ChangeSubject>) -> Vec<String> {
    let mut texts: Vec<String> = subjects.drain(..).map(|subject| format!("{subject:?}")).collect();
    texts.sort();
    texts
}

/// An object is as it was written last; its version rises and guards it.
pub async fn objects_are_made_and_changed(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let stranger = Fixture::new(store).await;
    let text = "日本 \u{1F980} e\u{301} \u{0} \" \\ ß";
    let user =
        object(ObjectKind::User, json!({ "displayName": text, "n": 1.5, "list": [null, { "a": [] }] }));
    fixture.directory(vec![DirectoryWrite::Create(user.clone())]).await;
    assert_eq!(fixture.read(user.id, Presence::Live).await, Some(user.clone()));
    assert_eq!(fixture.read(user.id, Presence::Deleted).await, None);
    assert_eq!(stranger.read(user.id, Presence::Any).await, None);
    let again = fixture.try_directory(vec![DirectoryWrite::Create(user.clone())]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "{again:?}");
    let as_group = DirectoryObject { kind: ObjectKind::Group, ..user.clone() };
    let again = fixture.try_directory(vec![DirectoryWrite::Create(as_group)]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "ids are unique over the kinds: {again:?}");

    let replace =
        |expected, json| DirectoryWrite::Replace { id: user.id, expected, properties: properties(json) };
    fixture.directory(vec![replace(Some(1), json!({ "a": 1 }))]).await;
    let read = fixture.read(user.id, Presence::Live).await.expect("it is there");
    assert!(read.version > 1);
    assert_eq!(read.properties, properties(json!({ "a": 1 })));
    let late = fixture.try_directory(vec![replace(Some(1), json!({ "a": 2 }))]).await;
    assert!(matches!(late, Err(StoreError::VersionMismatch)), "{late:?}");
    fixture
        .directory(vec![replace(Some(read.version), json!({ "a": 3 })), replace(None, json!({ "a": 4 }))])
        .await;
    let read = fixture.read(user.id, Presence::Any).await.expect("it is there");
    assert_eq!(read.properties, properties(json!({ "a": 4 })));
    let nobody = DirectoryWrite::Replace { id: id(), expected: None, properties: Map::new() };
    for write in [nobody, DirectoryWrite::Restore { id: user.id }, DirectoryWrite::Purge { id: id() }] {
        let missing = fixture.try_directory(vec![write]).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    }
    let nowhere =
        fixture.store.write_directory(TenantId(id()), None, at(9), vec![DirectoryWrite::Create(user)]).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound { .. })), "{nowhere:?}");
}

/// Unique names are unique without regard to case, per kind, tenant and presence.
pub async fn unique_properties_are_guarded(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let stranger = Fixture::new(store).await;
    let user = |name: &str| object(ObjectKind::User, json!({ "userPrincipalName": name }));
    let (first, second) = (user("Zoë@example.com"), user("other@example.com"));
    fixture
        .directory(vec![DirectoryWrite::Create(first.clone()), DirectoryWrite::Create(second.clone())])
        .await;
    stranger.directory(vec![DirectoryWrite::Create(user("zoë@example.com"))]).await;
    let refused = |result: store::Result<()>| {
        let Err(StoreError::Duplicate { property, .. }) = result else { panic!("not refused: {result:?}") };
        property
    };
    let clash = fixture.try_directory(vec![DirectoryWrite::Create(user("ZOË@EXAMPLE.COM"))]).await;
    assert_eq!(refused(clash), "userPrincipalName");
    let rename = |id, name: &str| DirectoryWrite::Replace {
        id,
        expected: None,
        properties: properties(json!({ "userPrincipalName": name })),
    };
    assert_eq!(
        refused(fixture.try_directory(vec![rename(second.id, "zoë@Example.com")]).await),
        "userPrincipalName"
    );
    fixture.directory(vec![rename(first.id, "ZOË@example.com")]).await;
    // In the bin a name is free; whoever took it keeps it.
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: first.id }]).await;
    fixture.directory(vec![rename(second.id, "zoë@example.com")]).await;
    assert_eq!(
        refused(fixture.try_directory(vec![DirectoryWrite::Restore { id: first.id }]).await),
        "userPrincipalName"
    );
    fixture
        .directory(vec![rename(second.id, "free@example.com"), DirectoryWrite::Restore { id: first.id }])
        .await;
    // Long names that begin alike differ.
    let long = "x".repeat(300);
    fixture
        .directory(vec![
            DirectoryWrite::Create(user(&format!("{long}1"))),
            DirectoryWrite::Create(user(&long)),
        ])
        .await;
    assert_eq!(
        refused(fixture.try_directory(vec![DirectoryWrite::Create(user(&long))]).await),
        "userPrincipalName"
    );
    // An application and its service principal share an appId; two applications do not.
    let app = |kind| {
        DirectoryWrite::Create(object(
            kind,
            json!({ "appId": "App", "userPrincipalName": "free@example.com" }),
        ))
    };
    fixture
        .directory(vec![
            app(ObjectKind::Application),
            app(ObjectKind::ServicePrincipal),
            app(ObjectKind::Group),
        ])
        .await;
    assert_eq!(refused(fixture.try_directory(vec![app(ObjectKind::Application)]).await), "appId");
    assert_eq!(refused(fixture.try_directory(vec![app(ObjectKind::ServicePrincipal)]).await), "appId");
}

/// The bin hides an object and its relations, and tells those on the other side; restoring undoes it.
pub async fn the_bin_hides_and_restores(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    let [user, boss, report] = fixture.objects(ObjectKind::User).await;
    let [group, outer] = fixture.objects(ObjectKind::Group).await;
    fixture
        .directory(vec![
            member(group, user),
            member(group, boss),
            member(outer, group),
            manager(user, boss),
            manager(report, user),
        ])
        .await;
    let object = |id| ChangeSubject::Object { kind: ObjectKind::User, id };
    let removed = |group, member| ChangeSubject::MemberRemoved { group, member };
    let added = |group, member| ChangeSubject::MemberAdded { group, member };

    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: user }]).await;
    let expected = vec![object(user), removed(group, user), object(report)];
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(expected));
    let binned = fixture.read(user, Presence::Deleted).await.expect("it is in the bin");
    assert_eq!(binned.deleted, Some(at(9)));
    assert!(binned.version > 1);
    assert_eq!(fixture.read(user, Presence::Live).await, None);
    assert_eq!(fixture.related(RelationKind::Member, group).await, [boss]);
    assert_eq!(fixture.relating(RelationKind::Member, user).await, NOBODY);
    assert_eq!(fixture.related(RelationKind::Manager, report).await, NOBODY);
    assert_eq!(fixture.relating(RelationKind::Manager, boss).await, NOBODY);

    // Both ends in the bin: the relation shows only once both are back.
    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: group }]).await;
    let expected = vec![
        ChangeSubject::Object { kind: ObjectKind::Group, id: group },
        removed(group, boss),
        removed(outer, group),
    ];
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(expected));
    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::Restore { id: user }]).await;
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(vec![object(user), object(report)]));
    assert_eq!(fixture.relating(RelationKind::Member, user).await, NOBODY);
    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::Restore { id: group }]).await;
    let expected = vec![
        ChangeSubject::Object { kind: ObjectKind::Group, id: group },
        added(group, user),
        added(group, boss),
        added(outer, group),
    ];
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(expected));
    assert_eq!(fixture.relating(RelationKind::Member, user).await, [group]);
    assert_eq!(fixture.related(RelationKind::Manager, report).await, [user]);
    let again = fixture.try_directory(vec![DirectoryWrite::Restore { id: group }]).await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })), "{again:?}");
}

/// An object tells when it or one of its references last changed.
pub async fn changes_leave_their_moment(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    let [user, boss] = fixture.objects(ObjectKind::User).await;
    let [group] = fixture.objects(ObjectKind::Group).await;
    let made = fixture.read(user, Presence::Live).await.expect("it is there");
    assert_eq!(made.modified, at(1));
    let unrelate = |kind, from, to| DirectoryWrite::Unrelate { kind, from, to };
    let properties = properties(json!({ "displayName": "new" }));
    let replace = DirectoryWrite::Replace { id: user, expected: None, properties };
    for (place, (write, expected)) in [
        (replace, vec![user]),
        (member(group, user), vec![group]),
        (manager(user, boss), vec![user]),
        (DirectoryWrite::SoftDelete { id: user }, vec![user, group]),
        (DirectoryWrite::Restore { id: user }, vec![user, group]),
        (DirectoryWrite::SoftDelete { id: boss }, vec![user, boss]),
        (DirectoryWrite::Restore { id: boss }, vec![user, boss]),
        (unrelate(RelationKind::Manager, user, boss), vec![user]),
        (unrelate(RelationKind::Member, group, user), vec![group]),
    ]
    .into_iter()
    .enumerate()
    {
        let now = at(20 + i64::try_from(place).expect("few"));
        let modified = fixture.modified_by(now, write.clone(), &[user, boss, group]).await;
        assert_eq!(modified, expected, "{write:?}");
    }
    let read = fixture.read(boss, Presence::Live).await.expect("it is there");
    assert_eq!(read.created, at(1));
}

/// What is purged is gone with all that referred to it.
pub async fn purging_leaves_nothing(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [user, report] = fixture.objects(ObjectKind::User).await;
    let [group] = fixture.objects(ObjectKind::Group).await;
    let [app] = fixture.objects(ObjectKind::ServicePrincipal).await;
    let (_, direct) = assign(app, user, 1);
    fixture.directory(vec![member(group, user), manager(report, user), direct]).await;
    let mark = fixture.newest().await;
    fixture
        .directory(vec![DirectoryWrite::SoftDelete { id: user }, DirectoryWrite::Purge { id: user }])
        .await;
    let expected = vec![
        ChangeSubject::Object { kind: ObjectKind::User, id: user },
        ChangeSubject::MemberRemoved { group, member: user },
        ChangeSubject::Object { kind: ObjectKind::User, id: report },
        ChangeSubject::Assignment { resource: app, principal: user },
        ChangeSubject::Purged { kind: ObjectKind::User, id: user },
    ];
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(expected));
    assert_eq!(fixture.read(user, Presence::Any).await, None);
    assert_eq!(fixture.related(RelationKind::Member, group).await, NOBODY);
    assert_eq!(store.assignments_of_resource(fixture.tenant, app, None, 10).await.expect("read"), []);
    // Straight from the living, the other sides are told as well.
    let (_, of_group) = assign(app, group, 1);
    fixture.directory(vec![member(group, report), of_group]).await;
    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::Purge { id: app }, DirectoryWrite::Purge { id: group }]).await;
    let expected = vec![
        ChangeSubject::Assignment { resource: app, principal: group },
        ChangeSubject::Purged { kind: ObjectKind::ServicePrincipal, id: app },
        ChangeSubject::MemberRemoved { group, member: report },
        ChangeSubject::Purged { kind: ObjectKind::Group, id: group },
    ];
    assert_eq!(sorted(fixture.changes_since(mark).await), sorted(expected));
    // The id can be used again, by another kind.
    let object = DirectoryObject { id: user, ..object(ObjectKind::Group, json!({ "displayName": "new" })) };
    fixture.directory(vec![DirectoryWrite::Create(object)]).await;
    assert_eq!(fixture.relating(RelationKind::Member, user).await, NOBODY);
}

/// References are unique and paged by rising id from both sides.
pub async fn relations_are_paged(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let stranger = Fixture::new(store.clone()).await;
    let [group, other] = fixture.objects(ObjectKind::Group).await;
    let mut users = fixture.objects::<25>(ObjectKind::User).await;
    fixture.directory(users.iter().map(|user| member(group, *user)).collect()).await;
    users.sort_unstable();
    let mut read = Vec::new();
    loop {
        let page = store
            .related(fixture.tenant, RelationKind::Member, group, read.last().copied(), 4)
            .await
            .expect("read");
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, users);
    fixture.directory(vec![member(other, users[0]), member(other, group)]).await;
    let mut groups = [group, other];
    groups.sort_unstable();
    assert_eq!(fixture.relating(RelationKind::Member, users[0]).await, groups);
    let page = store.relating(fixture.tenant, RelationKind::Member, users[0], Some(groups[0]), 10).await;
    assert_eq!(page.expect("read"), groups[1..]);
    assert_eq!(fixture.related(RelationKind::Owner, group).await, NOBODY);
    assert_eq!(stranger.related(RelationKind::Member, group).await, NOBODY);

    let twice = fixture.try_directory(vec![member(group, users[3])]).await;
    assert!(matches!(twice, Err(StoreError::RelationExists { .. })), "{twice:?}");
    let leave = || DirectoryWrite::Unrelate { kind: RelationKind::Member, from: group, to: users[3] };
    fixture.directory(vec![leave()]).await;
    let nobody = member(group, id());
    for write in [leave(), nobody, member(id(), users[0])] {
        let missing = fixture.try_directory(vec![write]).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    }
    let foreign = stranger.try_directory(vec![member(group, users[0])]).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })), "{foreign:?}");
    let [owner] = fixture.objects(ObjectKind::User).await;
    fixture
        .directory(vec![DirectoryWrite::Relate { kind: RelationKind::Owner, from: group, to: owner }])
        .await;
    assert_eq!(fixture.related(RelationKind::Owner, group).await, [owner]);
    assert_eq!(fixture.related(RelationKind::Member, group).await.len(), 24);
}

/// A new manager replaces the one before.
pub async fn managers_are_single(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [a, b, c, d] = fixture.objects(ObjectKind::User).await;
    fixture.directory(vec![manager(a, b), manager(c, b)]).await;
    let mark = fixture.newest().await;
    fixture.directory(vec![manager(a, c)]).await;
    assert_eq!(fixture.changes_since(mark).await, [ChangeSubject::Object { kind: ObjectKind::User, id: a }]);
    let twice = fixture.try_directory(vec![manager(a, c)]).await;
    assert!(matches!(twice, Err(StoreError::RelationExists { .. })), "{twice:?}");
    let managers = async || -> BTreeMap<Uuid, Uuid> {
        let managers = store.managers(fixture.tenant, &[a, b, c, d, id()]).await.expect("read");
        managers.into_iter().collect()
    };
    assert_eq!(managers().await, BTreeMap::from([(a, c), (c, b)]));
    // One in the bin counts as none, and is replaced all the same.
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: c }]).await;
    assert_eq!(managers().await, BTreeMap::new());
    fixture.directory(vec![manager(a, d), DirectoryWrite::Restore { id: c }]).await;
    assert_eq!(managers().await, BTreeMap::from([(a, d), (c, b)]));
    fixture.directory(vec![DirectoryWrite::Unrelate { kind: RelationKind::Manager, from: a, to: d }]).await;
    assert_eq!(managers().await, BTreeMap::from([(c, b)]));
}

/// A principal has a role of an application once; assignments are paged by rising id.
pub async fn assignments_are_unique(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let users = fixture.objects::<9>(ObjectKind::User).await;
    let [app, other] = fixture.objects(ObjectKind::ServicePrincipal).await;
    let (mut ids, writes): (Vec<Uuid>, Vec<_>) = users.iter().map(|user| assign(app, *user, 1)).unzip();
    fixture.directory(writes).await;
    ids.sort_unstable();
    let mut read: Vec<AppRoleAssignment> = Vec::new();
    loop {
        let after = read.last().map(|one| one.id);
        let page = store.assignments_of_resource(fixture.tenant, app, after, 4).await.expect("read");
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
    assert_eq!((read[0].resource, read[0].app_role, read[0].created), (app, Uuid::from_u128(1), at(2)));
    let twice = fixture.try_directory(vec![assign(app, users[0], 1).1]).await;
    assert!(matches!(twice, Err(StoreError::Duplicate { .. })), "{twice:?}");
    let (another_role, write) = assign(app, users[0], 2);
    fixture.directory(vec![write, assign(other, users[0], 1).1]).await;
    let of_principal =
        async || store.assignments_of_principal(fixture.tenant, users[0], None, 10).await.expect("read");
    assert_eq!(of_principal().await.len(), 3);
    let mark = fixture.newest().await;
    fixture.directory(vec![DirectoryWrite::Unassign { id: another_role }]).await;
    let expected = [ChangeSubject::Assignment { resource: app, principal: users[0] }];
    assert_eq!(fixture.changes_since(mark).await, expected);
    assert_eq!(of_principal().await.len(), 2);
    for write in
        [DirectoryWrite::Unassign { id: another_role }, assign(app, id(), 1).1, assign(id(), users[0], 1).1]
    {
        let missing = fixture.try_directory(vec![write]).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    }
}

/// Numbers rise, the order is that of the writes, and the origin is told.
pub async fn the_feed_tells_every_change_in_order(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (newest, oldest) = store.change_range(fixture.tenant).await.expect("read");
    assert_eq!((newest, oldest), (0, 0));
    let [user] = fixture.objects(ObjectKind::User).await;
    let [group] = fixture.objects(ObjectKind::Group).await;
    let job = JobId::from_text("a job that wrote");
    let leave = DirectoryWrite::Unrelate { kind: RelationKind::Member, from: group, to: user };
    store
        .write_directory(fixture.tenant, Some(job.clone()), at(9), vec![member(group, user), leave])
        .await
        .expect("written");
    let replace = DirectoryWrite::Replace { id: user, expected: None, properties: Map::new() };
    fixture.directory(vec![replace]).await;
    let changes = store.changes_after(fixture.tenant, 0, 1_000).await.expect("read");
    let subjects: Vec<_> = changes.iter().map(|change| change.subject.clone()).collect();
    let object = |kind, id| ChangeSubject::Object { kind, id };
    let expected = [
        object(ObjectKind::User, user),
        object(ObjectKind::Group, group),
        ChangeSubject::MemberAdded { group, member: user },
        ChangeSubject::MemberRemoved { group, member: user },
        object(ObjectKind::User, user),
    ];
    assert_eq!(subjects, expected);
    assert!(changes.windows(2).all(|pair| pair[0].number < pair[1].number));
    let origins: Vec<_> = changes.iter().map(|change| change.origin.clone()).collect();
    assert_eq!(origins, [None, None, Some(job.clone()), Some(job), None]);
    let (newest, oldest) = store.change_range(fixture.tenant).await.expect("read");
    assert_eq!(newest, changes[4].number);
    assert!(oldest < changes[0].number, "nothing is missing");
    let page = store.changes_after(fixture.tenant, changes[1].number, 2).await.expect("read");
    assert_eq!(page, changes[2..4]);
    assert!(store.changes_after(fixture.tenant, newest, 10).await.expect("read").is_empty());
    assert!(store.changes_after(TenantId(id()), 0, 10).await.expect("read").is_empty());
}

/// What is passed and old goes from the feed, and the feed tells from where it is whole.
pub async fn the_feed_is_trimmed(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (tenant, day) = (fixture.tenant, 24 * 3600);
    let touch = async |times: usize| {
        for _ in 0..times {
            let object = object(ObjectKind::User, json!({ "displayName": "one" }));
            fixture.directory(vec![DirectoryWrite::Create(object)]).await;
        }
        fixture.newest().await
    };
    let trim = async |passed: u64, before: i64| {
        store.trim_changes(tenant, passed, at(before)).await.expect("trimmed")
    };
    let mark = async |moment: i64| store.mark_changes(tenant, at(moment)).await.expect("marked");
    let old = touch(600).await;
    mark(0).await;
    touch(1).await;
    // Within a day no mark is made.
    mark(day / 2).await;
    assert_eq!(trim(old - 10, -1).await, 0, "nothing is known to be so old");
    assert_eq!(trim(old - 10, 0).await, 590, "only what is passed goes");
    assert_eq!(store.change_range(tenant).await.expect("read"), (old + 1, old - 10));
    assert_eq!(trim(old + 1, day / 2).await, 10, "only what is old goes");
    assert_eq!(trim(old + 1, day / 2).await, 0);
    let left = store.changes_after(tenant, old, 10).await.expect("read");
    assert_eq!(left.len(), 1);
    mark(2 * day).await;
    assert_eq!(trim(u64::MAX, 2 * day).await, 1);
    // Numbers go on although the feed is empty.
    assert_eq!(store.change_range(tenant).await.expect("read"), (old + 1, old + 1));
    assert_eq!(touch(1).await, old + 2);
}

/// Writes that belong together are made together or not at all.
pub async fn a_failing_write_takes_the_others_with_it(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [group] = fixture.objects(ObjectKind::Group).await;
    let mark = fixture.newest().await;
    let user = object(ObjectKind::User, json!({ "userPrincipalName": "u@x" }));
    let writes = vec![
        DirectoryWrite::Create(user.clone()),
        member(group, user.id),
        DirectoryWrite::Purge { id: id() },
    ];
    let failing = || store.write_directory(fixture.tenant, None, at(9), writes.clone());
    let good = || {
        let object = object(ObjectKind::User, json!({ "displayName": "good" }));
        store.write_directory(fixture.tenant, None, at(9), vec![DirectoryWrite::Create(object)])
    };
    let (one, failed, two, failed_too, three) = tokio::join!(good(), failing(), good(), failing(), good());
    for good in [one, two, three] {
        good.expect("it is not the one that fails");
    }
    assert!(matches!(failed, Err(StoreError::NotFound { .. })), "{failed:?}");
    assert!(matches!(failed_too, Err(StoreError::NotFound { .. })), "{failed_too:?}");
    assert_eq!(fixture.read(user.id, Presence::Any).await, None);
    assert_eq!(fixture.related(RelationKind::Member, group).await, NOBODY);
    assert_eq!(fixture.changes_since(mark).await.len(), 3);
    fixture.directory(vec![DirectoryWrite::Create(user)]).await;
}
