//! Who is assigned to an application.

use std::collections::BTreeMap;

use model::Uuid;
use store::{DirectoryWrite, ObjectKind, SharedStore};

use super::directory::{assign, member};
use super::fixture::{Fixture, id};

/// Who is entitled: directly, by a live group, and with nesting by groups in groups.
pub async fn entitlement_is_direct_by_group_and_nested(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [direct, by_group, nested, deep, both, stranger] = fixture.objects(ObjectKind::User).await;
    let [group, inner, innermost] = fixture.objects(ObjectKind::Group).await;
    let [app, other_app] = fixture.objects(ObjectKind::ServicePrincipal).await;
    fixture
        .directory(vec![
            assign(app, direct, 0).1,
            assign(app, both, 7).1,
            assign(app, group, 5).1,
            assign(other_app, stranger, 5).1,
            member(group, by_group),
            member(group, both),
            member(group, inner),
            member(inner, nested),
            member(inner, innermost),
            member(innermost, deep),
        ])
        .await;
    let everybody = [direct, by_group, nested, deep, both, stranger, group, inner, direct, id()];
    let entitled = async |nested| -> BTreeMap<Uuid, Vec<u128>> {
        let entitled = store.entitlements(fixture.tenant, app, &everybody, nested).await.expect("read");
        let count = entitled.len();
        let by_principal: BTreeMap<_, _> = entitled
            .into_iter()
            .map(|mut one| {
                one.app_roles.sort_unstable();
                (one.principal, one.app_roles.iter().map(Uuid::as_u128).collect())
            })
            .collect();
        assert_eq!(by_principal.len(), count, "each once");
        by_principal
    };
    let mut expected = BTreeMap::from([
        (direct, vec![0]),
        (by_group, vec![5]),
        (both, vec![5, 7]),
        (group, vec![5]),
        (inner, vec![5]),
    ]);
    assert_eq!(entitled(false).await, expected);
    expected.extend([(nested, vec![5]), (deep, vec![5])]);
    assert_eq!(entitled(true).await, expected);
    // A group in the bin entitles nobody, wherever it stands.
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: inner }]).await;
    let now = entitled(true).await;
    assert!(!now.contains_key(&nested) && !now.contains_key(&deep) && now.contains_key(&by_group));
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: group }]).await;
    let now = entitled(true).await;
    assert_eq!(now.get(&both), Some(&vec![7]));
    assert!(!now.contains_key(&by_group));
}

/// Which of some groups objects are members of: directly, and with nesting by groups in groups, also in circles.
pub async fn memberships_are_direct_and_nested(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [direct, deep, stranger] = fixture.objects(ObjectKind::User).await;
    let [group, inner, circle, other] = fixture.objects(ObjectKind::Group).await;
    fixture
        .directory(vec![
            member(group, direct),
            member(group, inner),
            member(inner, deep),
            member(inner, circle),
            member(circle, inner),
            member(other, stranger),
        ])
        .await;
    let everybody = [direct, deep, stranger, inner, direct, id()];
    let found = async |nested| -> Vec<(Uuid, Uuid)> {
        let mut found =
            store.memberships(fixture.tenant, &everybody, &[group, circle], nested).await.expect("read");
        found.sort_unstable();
        found
    };
    let sorted = |mut pairs: Vec<(Uuid, Uuid)>| {
        pairs.sort_unstable();
        pairs
    };
    let of_direct = vec![(direct, group), (inner, group), (inner, circle)];
    assert_eq!(found(false).await, sorted(of_direct.clone()));
    let of_nested = vec![(deep, group), (deep, circle)];
    assert_eq!(found(true).await, sorted([of_direct, of_nested].concat()));
    fixture.directory(vec![DirectoryWrite::SoftDelete { id: inner }]).await;
    assert_eq!(found(true).await, [(direct, group)], "a group in the bin has no members, and is none");
}

/// Groups that contain each other end the search.
pub async fn entitlement_ends_in_cycles(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let [user] = fixture.objects(ObjectKind::User).await;
    let [a, b, c] = fixture.objects(ObjectKind::Group).await;
    let [app] = fixture.objects(ObjectKind::ServicePrincipal).await;
    fixture
        .directory(vec![member(a, b), member(b, c), member(c, a), member(c, user), assign(app, a, 1).1])
        .await;
    let entitled = async |nested| {
        let mut entitled =
            store.entitlements(fixture.tenant, app, &[user, a, b, c], nested).await.expect("read");
        entitled.sort_by_key(|one| one.principal);
        entitled.into_iter().map(|one| one.principal).collect::<Vec<_>>()
    };
    let sorted = |mut ids: Vec<Uuid>| {
        ids.sort_unstable();
        ids
    };
    assert_eq!(entitled(true).await, sorted(vec![user, a, b, c]));
    assert_eq!(entitled(false).await, sorted(vec![a, b]), "the group itself, and what is directly in it");
}
