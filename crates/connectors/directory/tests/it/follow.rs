//! Whatever is done to a directory, and wherever the pages end, who follows its feed knows what a full read would say.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Change, Source as _};
use connector_directory::DirectorySource;
use directory::{ObjectKind, RelationKind};
use model::{Anchor, Uuid};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{Follower, World, anchor, anchors};

const PEOPLE: usize = 5;
const GROUPS: usize = 4;

/// Something that is done; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Deed {
    Rename(usize),
    Enable(usize, bool),
    Report(usize, usize),
    Bin(usize),
    Restore(usize),
    Purge(usize),
    Join(usize, usize),
    Leave(usize, usize),
    Assign(usize, bool),
    Unassign(usize),
    /// The follower reads one page of this size.
    Page(usize),
    /// The follower reads to the end.
    CatchUp,
}

fn deed() -> impl Strategy<Value = Deed> {
    let one = 0..PEOPLE + GROUPS;
    let group = 0..GROUPS;
    prop_oneof![
        1 => one.clone().prop_map(Deed::Rename),
        1 => (0..PEOPLE, any::<bool>()).prop_map(|(user, enabled)| Deed::Enable(user, enabled)),
        1 => (0..PEOPLE, 0..PEOPLE).prop_map(|(user, boss)| Deed::Report(user, boss)),
        2 => one.clone().prop_map(Deed::Bin),
        2 => one.clone().prop_map(Deed::Restore),
        1 => one.clone().prop_map(Deed::Purge),
        6 => (group.clone(), one.clone()).prop_map(|(group, member)| Deed::Join(group, member)),
        4 => (group, one.clone()).prop_map(|(group, member)| Deed::Leave(group, member)),
        3 => (one.clone(), any::<bool>()).prop_map(|(principal, first)| Deed::Assign(principal, first)),
        3 => (0_usize..8).prop_map(Deed::Unassign),
        6 => (1_usize..4).prop_map(Deed::Page),
        2 => Just(Deed::CatchUp),
    ]
}

/// Who is entitled.
#[derive(Clone, Copy, Debug)]
enum Scope {
    Assigned,
    Nested,
    Everybody,
}

impl Scope {
    fn of(self, world: &World) -> DirectorySource {
        match self {
            Self::Assigned => world.source(),
            Self::Nested => world.nested(),
            Self::Everybody => world.everybody(),
        }
    }
}

/// The directory, what was made in it, and who follows it.
struct Play {
    world: World,
    everyone: Vec<(ObjectKind, Uuid)>,
    groups: Vec<Uuid>,
    renamed: usize,
    follower: Follower,
    members: BTreeMap<Anchor, BTreeSet<Anchor>>,
}

impl Play {
    /// With `asks`, the follower asks who is a member of the first two groups.
    async fn begin(scope: Scope, asks: bool) -> Self {
        let world = World::new().await;
        let (mut everyone, mut groups) = (Vec::new(), Vec::new());
        for number in 0..PEOPLE {
            everyone.push((ObjectKind::User, world.user(&format!("u{number}")).await));
        }
        for number in 0..GROUPS {
            let group = world.group(&format!("g{number}")).await;
            everyone.push((ObjectKind::Group, group));
            groups.push(group);
        }
        let source = scope.of(&world);
        let asked = if asks { anchors(&groups[..2]) } else { Vec::new() };
        let follower = Follower::new(source).asking(&asked);
        let mut play = Self { world, everyone, groups, renamed: 0, follower, members: BTreeMap::new() };
        play.catch_up().await;
        play
    }

    /// Does it where it can be done; what the directory refuses is no matter here.
    async fn act(&mut self, deed: &Deed) {
        let tenant = self.world.tenant.clone();
        match *deed {
            Deed::Rename(one) => {
                self.renamed += 1;
                let (kind, id) = self.everyone[one];
                let change = crate::world::map(json!({"displayName": format!("Name {}", self.renamed)}));
                let _ = tenant.patch(kind, id, None, change).await;
            }
            Deed::Enable(user, enabled) => {
                let (kind, id) = self.everyone[user];
                let change = crate::world::map(json!({"accountEnabled": enabled}));
                let _ = tenant.patch(kind, id, None, change).await;
            }
            Deed::Report(user, boss) => {
                let (user, boss) = (self.everyone[user].1, self.everyone[boss].1);
                let _ = tenant.relate(RelationKind::Manager, user, &[boss]).await;
            }
            Deed::Bin(one) => {
                let (kind, id) = self.everyone[one];
                let _ = tenant.delete(kind, id).await;
            }
            Deed::Restore(one) => drop(tenant.restore(self.everyone[one].1).await),
            Deed::Purge(one) => drop(tenant.purge(self.everyone[one].1).await),
            Deed::Join(group, member) => {
                let member = self.everyone[member].1;
                let _ = tenant.relate(RelationKind::Member, self.groups[group], &[member]).await;
            }
            Deed::Leave(group, member) => {
                let member = self.everyone[member].1;
                let _ = tenant.unrelate(RelationKind::Member, self.groups[group], &[member]).await;
            }
            Deed::Assign(principal, first) => {
                let role = if first { crate::world::USER_ROLE } else { crate::world::MSIAM_ROLE };
                let _ = tenant.assign(self.world.principal, self.everyone[principal].1, role).await;
            }
            Deed::Unassign(place) => {
                let assignments = tenant.assigned_to(self.world.principal, None, 100).await.unwrap();
                if let Some(assignment) = assignments.get(place) {
                    tenant.unassign(assignment.id).await.unwrap();
                }
            }
            Deed::Page(size) => {
                self.follower.page_size = size;
                let page = self.follower.page().await;
                self.take_members(&page.changes).await;
            }
            Deed::CatchUp => self.catch_up().await,
        }
    }

    async fn catch_up(&mut self) {
        loop {
            let page = self.follower.page().await;
            self.take_members(&page.changes).await;
            if !page.more {
                return;
            }
        }
    }

    /// Follows members as the engine does: groups that appear or return are enumerated, others follow their deltas.
    async fn take_members(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Upsert(upsert) if upsert.object.kind == "Group" && upsert.soft_deleted => {
                    self.members.remove(&upsert.object.anchor);
                }
                Change::Upsert(upsert) if upsert.object.kind == "Group" => {
                    let anchor = upsert.object.anchor.clone();
                    if !self.members.contains_key(&anchor) {
                        let members = self.enumerated(&anchor).await;
                        self.members.insert(anchor, members);
                    }
                }
                Change::Delete { anchor, .. } => drop(self.members.remove(anchor)),
                Change::ReferenceDelta { anchor, added, removed, .. } => {
                    if let Some(members) = self.members.get_mut(anchor) {
                        members.extend(added.iter().cloned());
                        members.retain(|member| !removed.contains(member));
                    }
                }
                Change::Upsert(_) => {}
            }
        }
    }

    async fn enumerated(&self, group: &Anchor) -> BTreeSet<Anchor> {
        let page =
            self.follower.source.references(&"Group".into(), group, &"members".into(), None).await.unwrap();
        assert!(page.next.is_none());
        page.references.into_iter().collect()
    }

    /// Compares what the follower knows with the truth.
    async fn compare(&mut self, scope: Scope) {
        self.catch_up().await;
        self.catch_up().await;
        let source = scope.of(&self.world);
        let mut truth = Follower::new(source);
        truth.selections.clone_from(&self.follower.selections);
        truth.catch_up().await;
        assert_eq!(self.follower.objects, truth.objects);
        for group in &self.groups {
            let anchor = anchor(*group);
            if truth.objects.get(&anchor).is_some_and(|group| !group.soft_deleted) {
                assert_eq!(self.members[&anchor], self.enumerated(&anchor).await);
            }
        }
    }
}

/// So many cases as `PROPTEST_CASES` says, else few enough for every test run.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_follower_knows_what_a_full_read_says(
        deeds in proptest::collection::vec(deed(), 1..60),
        scope in prop_oneof![2 => Just(Scope::Assigned), 2 => Just(Scope::Nested), 1 => Just(Scope::Everybody)],
        asks in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::begin(scope, asks).await;
            for deed in &deeds {
                play.act(deed).await;
            }
            play.compare(scope).await;
        });
    }
}
