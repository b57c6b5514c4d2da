//! Increments: what the change feed says, and who is affected by it.

use std::collections::{BTreeMap, HashMap, HashSet};

use connector::{Change, ChangePage, Cursor, Result, Selection};
use directory::{ChangeEntry, ChangeSubject, DirectoryObject, ObjectKind, Presence, RelationKind};
use model::{Anchor, Uuid};

use crate::attributes::anchor;
use crate::cursor::{Position, Work, refused};
use crate::definition::{GROUP, MEMBERS, name_of};
use crate::source::{DirectorySource, asked_groups, selection_of, trouble, wants};

/// Assignments of a group that are looked at to tell whether one is of this application.
const ASSIGNMENTS: usize = 1_000;

/// A page while it is put together.
struct Batch<'a> {
    selections: &'a [Selection],
    /// Changes at most.
    size: usize,
    /// Objects to yield, in order.
    objects: Vec<Uuid>,
    known: HashSet<Uuid>,
    /// Objects as they were read after the entries that name them: what happened to them since has entries of its own.
    read: HashMap<Uuid, DirectoryObject>,
    /// Objects that are gone, by their kind.
    purged: HashMap<Uuid, ObjectKind>,
    /// Groups whose members changed, in order.
    groups: Vec<Uuid>,
    /// Of each of those, whether a member came or went last.
    members: HashMap<Uuid, BTreeMap<Uuid, bool>>,
}

impl<'a> Batch<'a> {
    fn new(selections: &'a [Selection], size: usize) -> Self {
        Self {
            selections,
            size,
            objects: Vec::new(),
            known: HashSet::new(),
            read: HashMap::new(),
            purged: HashMap::new(),
            groups: Vec::new(),
            members: HashMap::new(),
        }
    }

    fn room(&self) -> usize {
        self.size.saturating_sub(self.objects.len() + self.groups.len())
    }

    /// True where an object of the kind is yielded at all.
    fn selects(&self, kind: ObjectKind) -> bool {
        selection_of(self.selections, kind).is_some()
    }

    /// Takes an object in; false where the page is full.
    fn add(&mut self, id: Uuid) -> bool {
        if self.known.contains(&id) {
            return true;
        }
        if self.room() == 0 {
            return false;
        }
        self.known.insert(id);
        self.objects.push(id);
        true
    }

    /// Takes a member in that came or went; false where the page is full.
    fn add_member(&mut self, group: Uuid, member: Uuid, came: bool) -> bool {
        if !self.members.contains_key(&group) {
            if self.room() == 0 {
                return false;
            }
            self.groups.push(group);
        }
        self.members.entry(group).or_default().insert(member, came);
        true
    }

    fn deltas(mut self) -> impl Iterator<Item = Change> {
        let groups = std::mem::take(&mut self.groups);
        groups.into_iter().map(move |group| {
            let (mut added, mut removed): (Vec<Anchor>, Vec<Anchor>) = (Vec::new(), Vec::new());
            for (member, came) in self.members.remove(&group).unwrap_or_default() {
                if came { added.push(anchor(member)) } else { removed.push(anchor(member)) }
            }
            Change::ReferenceDelta {
                kind: GROUP.into(),
                anchor: anchor(group),
                attribute: MEMBERS.into(),
                added,
                removed,
            }
        })
    }
}

/// What is known of the objects that a stretch of the feed names.
struct Known {
    /// The groups that filters ask about.
    asked: HashSet<Uuid>,
    objects: HashMap<Uuid, DirectoryObject>,
    /// The last entry, by number, that tells of each group itself.
    last_words: HashMap<Uuid, u64>,
    /// Groups whose members are shown otherwise for it: they give a right to the application, or stand in a group that
    /// filters ask about.
    giving: HashSet<Uuid>,
}

impl Known {
    fn kind(&self, id: Uuid) -> Option<ObjectKind> {
        self.objects.get(&id).map(|object| object.kind)
    }

    fn is_live(&self, id: Uuid) -> bool {
        self.objects.get(&id).is_some_and(|object| object.deleted.is_none())
    }

    /// True where the entry of this number tells that a group went to the bin: nothing is written to it afterwards.
    fn went_to_bin(&self, id: Uuid, number: u64) -> bool {
        self.last_words.get(&id) == Some(&number)
            && self.objects.get(&id).is_some_and(|object| object.deleted.is_some())
    }
}

impl DirectorySource {
    /// The next page of an increment.
    pub(crate) async fn increment(
        &self,
        selections: &[Selection],
        mut position: Position,
        cursor: &Cursor,
        page_size: usize,
    ) -> Result<ChangePage> {
        let (newest, oldest) = self.directory.change_range().await.map_err(trouble)?;
        if position.number < oldest || position.number > newest {
            let why = format!(
                "the cursor stands at change {}, but the directory knows the changes {oldest} to {newest}",
                position.number
            );
            return Err(refused(&why));
        }
        if position.work.is_empty() && position.number == newest {
            return Ok(ChangePage { changes: Vec::new(), cursor: cursor.clone(), more: false, total: None });
        }
        let mut batch = Batch::new(selections, page_size);
        if position.work.is_empty() {
            self.take_entries(&mut batch, &mut position, newest).await?;
        }
        if !position.work.is_empty() {
            self.take_work(&mut batch, &mut position).await?;
        }
        let (newest, _) = self.directory.change_range().await.map_err(trouble)?;
        if position.wary <= position.number {
            position.wary = 0;
        }
        if position.number == newest {
            position.hidden.clear();
        }
        let more = !position.work.is_empty() || position.number < newest;
        let changes = self.changes_of(batch).await?;
        Ok(ChangePage { changes, cursor: position.cursor()?, more, total: None })
    }

    /// True where assignments and memberships change what is yielded of an object.
    fn follows_assignments(&self, selections: &[Selection]) -> bool {
        !self.everybody || wants(selections, "appRoleAssignments")
    }

    /// True where memberships change what is yielded of a member.
    fn follows_memberships(&self, selections: &[Selection]) -> bool {
        self.follows_assignments(selections) || selections.iter().any(|one| !one.groups.is_empty())
    }

    /// Takes the next entries of the feed in, which is known to reach to `newest`.
    async fn take_entries(&self, batch: &mut Batch<'_>, position: &mut Position, newest: u64) -> Result<()> {
        let entries = self.directory.changes_after(position.number, batch.size).await.map_err(trouble)?;
        let Some(last) = entries.last().map(|entry| entry.number) else {
            position.number = newest;
            return Ok(());
        };
        let known = self.knowledge(batch.selections, &entries).await?;
        // Asked after the knowledge, so that what it may have missed has a number beyond the entries.
        let (newest, _) = self.directory.change_range().await.map_err(trouble)?;
        if entries.iter().any(|entry| self.ends_entitlements(&entry.subject, &known)) {
            position.wary = position.wary.max(newest);
        }
        let wary = if last < newest { newest } else { position.wary };
        for entry in entries {
            let certain = entry.number > wary;
            if !self.take_entry(batch, position, &known, &entry, certain).await? {
                break;
            }
            position.number = entry.number;
        }
        batch.read = known.objects;
        Ok(())
    }

    /// What must be known of the objects that entries name.
    async fn knowledge(&self, selections: &[Selection], entries: &[ChangeEntry]) -> Result<Known> {
        let mut ids = HashSet::new();
        let mut groups = HashSet::new();
        let mut last_words = HashMap::new();
        for entry in entries {
            match entry.subject {
                ChangeSubject::Object { kind: ObjectKind::Group, id } => {
                    ids.insert(id);
                    last_words.insert(id, entry.number);
                }
                ChangeSubject::Object { id, .. } | ChangeSubject::Purged { id, .. } => {
                    ids.insert(id);
                }
                ChangeSubject::MemberAdded { group, member }
                | ChangeSubject::MemberRemoved { group, member } => {
                    ids.extend([group, member]);
                    groups.insert(group);
                }
                ChangeSubject::Assignment { resource, principal } if resource == self.resource => {
                    ids.insert(principal);
                }
                ChangeSubject::Assignment { .. } => {}
            }
        }
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let objects = self.directory.objects(&ids, Presence::Any).await.map_err(trouble)?;
        let objects = objects.into_iter().map(|object| (object.id, object)).collect();
        let asked: HashSet<Uuid> = asked_groups(selections)?.into_iter().map(|(group, _)| group).collect();
        let mut known = Known { asked, objects, last_words, giving: HashSet::new() };
        let live: Vec<Uuid> = groups.into_iter().filter(|group| known.is_live(*group)).collect();
        if self.nested && !known.asked.is_empty() {
            let asked: Vec<Uuid> = known.asked.iter().copied().collect();
            let inside = self.directory.memberships(&live, &asked, true).await.map_err(trouble)?;
            known.giving.extend(inside.into_iter().map(|(group, _)| group));
        }
        if self.follows_assignments(selections) {
            known.giving.extend(self.giving(live).await?);
        }
        known.giving.extend(known.asked.iter().copied());
        Ok(known)
    }

    /// Of these groups, those that give their members a right to the application.
    async fn giving(&self, groups: Vec<Uuid>) -> Result<HashSet<Uuid>> {
        let entitled =
            self.directory.entitlements(self.resource, &groups, self.nested).await.map_err(trouble)?;
        let entitled = entitled.into_iter().map(|one| one.principal);
        if self.nested {
            return Ok(entitled.collect());
        }
        // Without nesting, a group that is only a member of an assigned one gives its members nothing.
        let mut giving = HashSet::new();
        for group in entitled {
            let assignments =
                self.directory.assignments_of(group, None, ASSIGNMENTS).await.map_err(trouble)?;
            // Where there are even more, it may be: one object too many is looked at, none too few.
            let many = assignments.len() >= ASSIGNMENTS;
            if many || assignments.iter().any(|assignment| assignment.resource == self.resource) {
                giving.insert(group);
            }
        }
        Ok(giving)
    }

    /// True where an entry may have ended the right of people whom other entries took out of a group: then it can no
    /// longer be told from the present which memberships mattered.
    fn ends_entitlements(&self, subject: &ChangeSubject, known: &Known) -> bool {
        match *subject {
            ChangeSubject::Assignment { resource, .. } => resource == self.resource,
            ChangeSubject::Object { kind: ObjectKind::Group, id } => !known.is_live(id),
            ChangeSubject::Purged { kind, .. } => kind == ObjectKind::Group,
            ChangeSubject::MemberRemoved { member, .. } => {
                self.nested && known.kind(member).is_none_or(|kind| kind == ObjectKind::Group)
            }
            _ => false,
        }
    }

    /// Takes one entry in; false where the page has no room for it. `certain` says that a group which gives nothing now
    /// gave nothing when a membership ended.
    async fn take_entry(
        &self,
        batch: &mut Batch<'_>,
        position: &mut Position,
        known: &Known,
        ChangeEntry { number, subject, .. }: &ChangeEntry,
        certain: bool,
    ) -> Result<bool> {
        match *subject {
            ChangeSubject::Object { kind: ObjectKind::ServicePrincipal, id } if id == self.resource => {
                let roles = self.roles_fingerprint(batch.selections).await?;
                if roles != position.roles {
                    position.roles = roles;
                    position.work.push(Work::Assigned { after: None });
                }
                Ok(true)
            }
            ChangeSubject::Object { kind, id } => {
                if batch.selects(kind) && known.kind(id).is_some() && !batch.add(id) {
                    return Ok(false);
                }
                if known.went_to_bin(id, *number) {
                    position.hidden.push(id);
                } else {
                    position.hidden.retain(|hidden| *hidden != id);
                }
                Ok(true)
            }
            ChangeSubject::Purged { kind, id } => {
                batch.purged.insert(id, kind);
                Ok(!batch.selects(kind) || batch.add(id))
            }
            ChangeSubject::MemberAdded { group, member } => {
                let affects = known.giving.contains(&group);
                self.take_membership(batch, position, known, (group, member, true), affects)
            }
            ChangeSubject::MemberRemoved { group, member } => {
                let affects = known.giving.contains(&group) || !certain;
                self.take_membership(batch, position, known, (group, member, false), affects)
            }
            ChangeSubject::Assignment { resource, principal } => {
                if resource != self.resource || !self.follows_assignments(batch.selections) {
                    return Ok(true);
                }
                Self::take_principal(batch, position, known, principal)
            }
        }
    }

    /// Takes a membership in that began or ended: a delta of the group, and where it `affects` the right of the member,
    /// the member.
    fn take_membership(
        &self,
        batch: &mut Batch<'_>,
        position: &mut Position,
        known: &Known,
        (group, member, came): (Uuid, Uuid, bool),
        affects: bool,
    ) -> Result<bool> {
        let selected = selection_of(batch.selections, ObjectKind::Group);
        let wanted =
            selected.is_some_and(|selection| selection.attributes.iter().any(|name| name == MEMBERS));
        let hidden = !came && position.hidden.contains(&group);
        let shown = wanted && !hidden && known.kind(group).is_some();
        if shown && !batch.add_member(group, member, came) {
            return Ok(false);
        }
        let Some(kind) = known.kind(member) else { return Ok(true) };
        if !affects || !self.follows_memberships(batch.selections) {
            return Ok(true);
        }
        if batch.selects(kind) && !batch.add(member) {
            if !shown {
                return Ok(false);
            }
            // The delta is in this page, so the entry is passed and the member is owed.
            position.work.push(Work::Object(member));
        }
        if self.nested && kind == ObjectKind::Group {
            position.follow(member)?;
        }
        Ok(true)
    }

    /// Takes a principal in whose assignment was made or ended, and of a group the members.
    fn take_principal(
        batch: &mut Batch<'_>,
        position: &mut Position,
        known: &Known,
        principal: Uuid,
    ) -> Result<bool> {
        let Some(kind) = known.kind(principal) else { return Ok(true) };
        if batch.selects(kind) && !batch.add(principal) {
            return Ok(false);
        }
        if kind == ObjectKind::Group {
            position.follow(principal)?;
        }
        Ok(true)
    }

    /// Takes objects in that are owed since earlier entries, until the page is full or nothing is owed.
    async fn take_work(&self, batch: &mut Batch<'_>, position: &mut Position) -> Result<()> {
        while batch.room() > 0 && !position.work.is_empty() {
            let limit = batch.room();
            let (ids, rest, follow) = match position.work.remove(0) {
                Work::Object(id) => (vec![id], None, false),
                Work::Members { group, after } => {
                    let kind = RelationKind::Member;
                    let ids = self.directory.related(kind, group, after, limit).await.map_err(trouble)?;
                    let last = ids.last().copied().filter(|_| ids.len() >= limit);
                    (ids, last.map(|last| Work::Members { group, after: Some(last) }), self.nested)
                }
                Work::Assigned { after } => {
                    let page =
                        self.directory.assigned_to(self.resource, after, limit).await.map_err(trouble)?;
                    let last = page.last().filter(|_| page.len() >= limit).map(|one| one.id);
                    let ids = page.into_iter().map(|assignment| assignment.principal).collect();
                    (ids, last.map(|last| Work::Assigned { after: Some(last) }), true)
                }
            };
            if let Some(rest) = rest {
                position.work.insert(0, rest);
            }
            for object in self.directory.objects(&ids, Presence::Any).await.map_err(trouble)? {
                if batch.selects(object.kind) {
                    batch.add(object.id);
                }
                if follow && object.kind == ObjectKind::Group {
                    position.follow(object.id)?;
                }
            }
        }
        if position.work.is_empty() {
            position.followed.clear();
            // Who left a followed group while it was followed may have been missed.
            let (newest, _) = self.directory.change_range().await.map_err(trouble)?;
            position.wary = position.wary.max(newest);
        }
        Ok(())
    }

    /// The changes of a page, objects as they now are.
    async fn changes_of(&self, mut batch: Batch<'_>) -> Result<Vec<Change>> {
        let (mut objects, mut unread) = (Vec::with_capacity(batch.objects.len()), Vec::new());
        for id in &batch.objects {
            match batch.read.remove(id) {
                Some(object) => objects.push(object),
                None => unread.push(*id),
            }
        }
        if !unread.is_empty() {
            objects.extend(self.directory.objects(&unread, Presence::Any).await.map_err(trouble)?);
        }
        let shown = self.shown(batch.selections, &objects).await?;
        let mut shown: HashMap<Anchor, _> =
            shown.into_iter().map(|one| (one.object.anchor.clone(), one)).collect();
        let mut changes = Vec::with_capacity(batch.objects.len() + batch.groups.len());
        for id in &batch.objects {
            match (shown.remove(&anchor(*id)), batch.purged.get(id)) {
                (Some(object), _) => changes.push(Change::Upsert(object)),
                (None, Some(kind)) => {
                    changes
                        .push(Change::Delete { kind: name_of(*kind).map(Into::into), anchor: anchor(*id) });
                }
                // Purged since; its own entry says so.
                (None, None) => {}
            }
        }
        changes.extend(batch.deltas());
        Ok(changes)
    }
}
