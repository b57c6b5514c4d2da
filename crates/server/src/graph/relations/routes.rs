//! Which relations have routes, and what each shows.

use directory::{ObjectKind, RelationKind};

use super::{
    add, count, list, list_references, manager, manager_reference, remove, remove_by_address, remove_manager,
    set_manager,
};
use crate::graph::permissions::{
    READ_APPLICATION, READ_GROUPS, READ_MEMBERSHIPS, READ_USERS, WRITE_APPLICATION, WRITE_GROUPS, WRITE_USERS,
};
use crate::graph::route::Route;

/// A relation as a path shows it.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// Whose relation.
    pub(super) owner: ObjectKind,
    /// Which.
    pub(super) relation: RelationKind,
    /// Whether the path's object refers, or is referred to.
    pub(super) forward: bool,
    /// Whether groups within groups are followed.
    pub(super) nested: bool,
}

impl Shown {
    const fn nested(mut self) -> Self {
        self.nested = true;
        self
    }
}

const MEMBERS: Shown =
    Shown { owner: ObjectKind::Group, relation: RelationKind::Member, forward: true, nested: false };
const DIRECT_REPORTS: Shown =
    Shown { owner: ObjectKind::User, relation: RelationKind::Manager, forward: false, nested: false };

const fn member_of(owner: ObjectKind) -> Shown {
    Shown { owner, relation: RelationKind::Member, forward: false, nested: false }
}

const fn owners(owner: ObjectKind) -> Shown {
    Shown { owner, relation: RelationKind::Owner, forward: true, nested: false }
}

/// The routes of all relations. Collections can be narrowed to a kind by its name, as in `members/microsoft.graph.user`.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("users/{id}/manager", READ_USERS, manager),
        Route::get("users/{id}/manager/$ref", READ_USERS, manager_reference),
        Route::put("users/{id}/manager/$ref", WRITE_USERS, set_manager),
        Route::delete("users/{id}/manager/$ref", WRITE_USERS, remove_manager),
        Route::get("groups/{id}/members/$ref", READ_GROUPS, |call| list_references(call, MEMBERS)),
        Route::post("groups/{id}/members/$ref", WRITE_GROUPS, |call| add(call, MEMBERS)).answering(&[204]),
        Route::delete("groups/{id}/members/$ref", WRITE_GROUPS, |call| remove_by_address(call, MEMBERS)),
        Route::delete("groups/{id}/members/{member}/$ref", WRITE_GROUPS, |call| {
            remove(call, MEMBERS, "member")
        }),
    ];
    routes.extend(collections());
    for (paths, kind, read, write) in [
        (
            [
                "groups/{id}/owners",
                "groups/{id}/owners/$count",
                "groups/{id}/owners/$ref",
                "groups/{id}/owners/{owner}/$ref",
            ],
            ObjectKind::Group,
            READ_GROUPS,
            WRITE_GROUPS,
        ),
        (
            [
                "applications/{id}/owners",
                "applications/{id}/owners/$count",
                "applications/{id}/owners/$ref",
                "applications/{id}/owners/{owner}/$ref",
            ],
            ObjectKind::Application,
            READ_APPLICATION,
            WRITE_APPLICATION,
        ),
        (
            [
                "servicePrincipals/{id}/owners",
                "servicePrincipals/{id}/owners/$count",
                "servicePrincipals/{id}/owners/$ref",
                "servicePrincipals/{id}/owners/{owner}/$ref",
            ],
            ObjectKind::ServicePrincipal,
            READ_APPLICATION,
            WRITE_APPLICATION,
        ),
    ] {
        let [collection, counted, references, reference] = paths;
        routes.push(Route::get(collection, read, move |call| list(call, owners(kind), None)));
        routes.push(Route::get(counted, read, move |call| count(call, owners(kind), None)));
        routes.push(Route::get(references, read, move |call| list_references(call, owners(kind))));
        routes.push(Route::post(references, write, move |call| add(call, owners(kind))).answering(&[204]));
        routes.push(Route::delete(references, write, move |call| remove_by_address(call, owners(kind))));
        routes.push(Route::delete(reference, write, move |call| remove(call, owners(kind), "owner")));
    }
    routes
}

/// A collection of a relation, its count, the permissions for both, the relation, and the kind that is shown alone.
type Row = (&'static str, &'static str, &'static [&'static str], Shown, Option<ObjectKind>);

/// The collections of relations: all of each, or those of a kind.
const COLLECTIONS: [Row; 22] = [
    ("users/{id}/directReports", "users/{id}/directReports/$count", READ_USERS, DIRECT_REPORTS, None),
    (
        "users/{id}/directReports/microsoft.graph.user",
        "users/{id}/directReports/microsoft.graph.user/$count",
        READ_USERS,
        DIRECT_REPORTS,
        Some(ObjectKind::User),
    ),
    (
        "users/{id}/memberOf",
        "users/{id}/memberOf/$count",
        READ_MEMBERSHIPS,
        member_of(ObjectKind::User),
        None,
    ),
    (
        "users/{id}/memberOf/microsoft.graph.group",
        "users/{id}/memberOf/microsoft.graph.group/$count",
        READ_MEMBERSHIPS,
        member_of(ObjectKind::User),
        Some(ObjectKind::Group),
    ),
    (
        "users/{id}/transitiveMemberOf",
        "users/{id}/transitiveMemberOf/$count",
        READ_MEMBERSHIPS,
        member_of(ObjectKind::User).nested(),
        None,
    ),
    (
        "users/{id}/transitiveMemberOf/microsoft.graph.group",
        "users/{id}/transitiveMemberOf/microsoft.graph.group/$count",
        READ_MEMBERSHIPS,
        member_of(ObjectKind::User).nested(),
        Some(ObjectKind::Group),
    ),
    ("groups/{id}/memberOf", "groups/{id}/memberOf/$count", READ_GROUPS, member_of(ObjectKind::Group), None),
    (
        "groups/{id}/memberOf/microsoft.graph.group",
        "groups/{id}/memberOf/microsoft.graph.group/$count",
        READ_GROUPS,
        member_of(ObjectKind::Group),
        Some(ObjectKind::Group),
    ),
    (
        "groups/{id}/transitiveMemberOf",
        "groups/{id}/transitiveMemberOf/$count",
        READ_GROUPS,
        member_of(ObjectKind::Group).nested(),
        None,
    ),
    (
        "groups/{id}/transitiveMemberOf/microsoft.graph.group",
        "groups/{id}/transitiveMemberOf/microsoft.graph.group/$count",
        READ_GROUPS,
        member_of(ObjectKind::Group).nested(),
        Some(ObjectKind::Group),
    ),
    (
        "servicePrincipals/{id}/memberOf",
        "servicePrincipals/{id}/memberOf/$count",
        READ_APPLICATION,
        member_of(ObjectKind::ServicePrincipal),
        None,
    ),
    (
        "servicePrincipals/{id}/memberOf/microsoft.graph.group",
        "servicePrincipals/{id}/memberOf/microsoft.graph.group/$count",
        READ_APPLICATION,
        member_of(ObjectKind::ServicePrincipal),
        Some(ObjectKind::Group),
    ),
    (
        "servicePrincipals/{id}/transitiveMemberOf",
        "servicePrincipals/{id}/transitiveMemberOf/$count",
        READ_APPLICATION,
        member_of(ObjectKind::ServicePrincipal).nested(),
        None,
    ),
    (
        "servicePrincipals/{id}/transitiveMemberOf/microsoft.graph.group",
        "servicePrincipals/{id}/transitiveMemberOf/microsoft.graph.group/$count",
        READ_APPLICATION,
        member_of(ObjectKind::ServicePrincipal).nested(),
        Some(ObjectKind::Group),
    ),
    ("groups/{id}/members", "groups/{id}/members/$count", READ_GROUPS, MEMBERS, None),
    (
        "groups/{id}/members/microsoft.graph.user",
        "groups/{id}/members/microsoft.graph.user/$count",
        READ_GROUPS,
        MEMBERS,
        Some(ObjectKind::User),
    ),
    (
        "groups/{id}/members/microsoft.graph.group",
        "groups/{id}/members/microsoft.graph.group/$count",
        READ_GROUPS,
        MEMBERS,
        Some(ObjectKind::Group),
    ),
    (
        "groups/{id}/members/microsoft.graph.servicePrincipal",
        "groups/{id}/members/microsoft.graph.servicePrincipal/$count",
        READ_GROUPS,
        MEMBERS,
        Some(ObjectKind::ServicePrincipal),
    ),
    (
        "groups/{id}/transitiveMembers",
        "groups/{id}/transitiveMembers/$count",
        READ_GROUPS,
        MEMBERS.nested(),
        None,
    ),
    (
        "groups/{id}/transitiveMembers/microsoft.graph.user",
        "groups/{id}/transitiveMembers/microsoft.graph.user/$count",
        READ_GROUPS,
        MEMBERS.nested(),
        Some(ObjectKind::User),
    ),
    (
        "groups/{id}/transitiveMembers/microsoft.graph.group",
        "groups/{id}/transitiveMembers/microsoft.graph.group/$count",
        READ_GROUPS,
        MEMBERS.nested(),
        Some(ObjectKind::Group),
    ),
    (
        "groups/{id}/transitiveMembers/microsoft.graph.servicePrincipal",
        "groups/{id}/transitiveMembers/microsoft.graph.servicePrincipal/$count",
        READ_GROUPS,
        MEMBERS.nested(),
        Some(ObjectKind::ServicePrincipal),
    ),
];

/// The routes of the collections, and of how many are in them.
fn collections() -> Vec<Route> {
    COLLECTIONS
        .into_iter()
        .flat_map(|(collection, counted, read, shown, only)| {
            [
                Route::get(collection, read, move |call| list(call, shown, only)),
                Route::get(counted, read, move |call| count(call, shown, only)),
            ]
        })
        .collect()
}
