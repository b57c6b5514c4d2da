//! `/users/delta` and `/groups/delta`: everything once, then what changed, from the directory's change feed.
//!
//! A round without a token lists all objects by id and remembers how far the feed was when it began; a later round
//! reads the feed from there. Each page says where the next begins in a sealed token, so that nothing is kept here
//! between requests and tokens outlive a restart. What is told is the state of an object now: one that changed twice
//! may come twice with the same state, and none that changed is left out.

use std::collections::{BTreeMap, HashMap, HashSet};

use directory::{
    ChangeEntry, ChangeSubject, DirectoryObject, ListQuery, ObjectKind, Presence, RelationKind,
    TenantDirectory,
};
use graph::GraphError;
use graph::collection::{self, Page};
use graph::directory::{Projection, fragment};
use graph::odata::filter::{Expr, Operator};
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::error::ApiError;
use super::filter::lower;
use super::objects::{resource, wire_kind};
use super::permissions::{READ_GROUPS, READ_USERS};
use super::route::{Answer, Route};

/// Entries of the feed read at once.
const FEED_PAGE: usize = 1_000;
/// Entries of the feed that one request looks at: most may be about objects of other kinds.
const MOST_ENTRIES: usize = 20_000;
/// Members that one page tells of.
const MOST_MEMBERS: usize = 1_000;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("users/delta", READ_USERS, |call| async move { delta(&call, ObjectKind::User).await }),
        Route::get("groups/delta", READ_GROUPS, |call| async move { delta(&call, ObjectKind::Group).await }),
    ]
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the list of everything, which began when the feed was at `began`: after the object `after`, or within the
    /// members of a group.
    Everything { began: u64, after: Option<Uuid>, members_after: Option<(Uuid, Uuid)> },
    /// In the feed, after an entry.
    Feed { number: u64 },
}

impl Place {
    fn text(self) -> String {
        match self {
            Self::Feed { number } => format!("c{number}"),
            Self::Everything { began, after, members_after } => {
                let id = |id: Option<Uuid>| id.map_or_else(String::new, |id| id.simple().to_string());
                let (group, member) = members_after.unzip();
                format!("e{began}.{}.{}.{}", id(after), id(group), id(member))
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(number) = text.strip_prefix('c') {
            return number.parse().ok().map(|number| Self::Feed { number });
        }
        let mut parts = text.strip_prefix('e')?.split('.');
        let began = parts.next()?.parse().ok()?;
        let mut id = || -> Option<Option<Uuid>> {
            let text = parts.next()?;
            if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
        };
        let (after, group, member) = (id()?, id()?, id()?);
        Some(Self::Everything { began, after, members_after: group.zip(member) })
    }
}

/// What a page tells, and where the next begins.
struct Told {
    value: Vec<Json>,
    next: Place,
    /// Nothing is left for now.
    complete: bool,
}

/// What is asked for.
struct Delta<'a> {
    call: &'a Call,
    directory: TenantDirectory,
    kind: ObjectKind,
    projection: Projection,
    /// Whether members of groups, or managers of users, come along.
    related: bool,
    limit: usize,
}

async fn delta(call: &Call, kind: ObjectKind) -> Answer {
    refuse_options(call, kind)?;
    let (wire, options) = (wire_kind(kind), &call.options);
    let named = |name: &str| {
        options.select.iter().any(|selected| selected.eq_ignore_ascii_case(name))
            || options.expands(name).is_some()
    };
    let delta = Delta {
        call,
        directory: call.directory(),
        kind,
        projection: Projection::new(wire, call.version, &options.select)?,
        related: match kind {
            ObjectKind::Group => options.select.is_empty() || named(relation_name(kind)),
            _ => named(relation_name(kind)),
        },
        limit: call.page_size(),
    };
    let (newest, floor) = delta.directory.change_range().await?;
    let place = delta.place(newest)?;
    let since = match place {
        Place::Feed { number } => number,
        Place::Everything { began, .. } => began,
    };
    if since < floor {
        return Err(GraphError::resync_required(delta.link("$deltatoken", "")).into());
    }
    let told = match place {
        Place::Feed { number } => delta.changes(number).await?,
        Place::Everything { began, after, members_after } => {
            delta.everything(began, after, members_after).await?
        }
    };
    let option = if told.complete { "$deltatoken" } else { "$skiptoken" };
    let link = delta.link(option, &call.sealed(&told.next.text()));
    let (next_link, delta_link) = if told.complete { (None, Some(link)) } else { (Some(link), None) };
    let fragment = fragment(wire.collection(), &options.select, false);
    Ok(call.page(&fragment, Page { value: told.value, count: None, next_link, delta_link }))
}

/// Changes have no order but their own, and can be narrowed to objects by their ids alone, as in Graph.
/// The relation whose changes come along.
fn relation_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Group => "members",
        _ => "manager",
    }
}

fn refuse_options(call: &Call, kind: ObjectKind) -> Result<(), GraphError> {
    let options = &call.options;
    let unsupported = [
        ("$orderby", !options.order_by.is_empty()),
        ("$search", options.search.is_some()),
        ("$skip", options.skip.is_some()),
        ("$count", options.count),
    ];
    if let Some((name, _)) = unsupported.into_iter().find(|(_, sent)| *sent) {
        return Err(GraphError::bad_request(format!(
            "'{name}' is not supported by delta queries. Leave it out."
        )));
    }
    let related = relation_name(kind);
    if let Some(other) = options.expand.iter().find(|one| !one.name.eq_ignore_ascii_case(related)) {
        return Err(GraphError::bad_request(format!(
            "'$expand' of '{}' is not supported by this delta query. It can be '{related}'.",
            other.name
        )));
    }
    if options.filter.as_ref().is_some_and(|filter| !by_id(filter)) {
        return Err(GraphError::bad_request(
            "'$filter' of a delta query names objects by their ids alone, as in \"id eq '…' or id eq '…'\".",
        ));
    }
    Ok(())
}

fn by_id(filter: &Expr) -> bool {
    match filter {
        Expr::Or(members) => members.iter().all(by_id),
        Expr::Compare { path, operator: Operator::Equal, .. } | Expr::In { path, .. } => path.is("id"),
        _ => false,
    }
}

impl Delta<'_> {
    fn link(&self, option: &str, token: &str) -> String {
        let address = format!("{}{}", self.call.base, self.call.path);
        collection::next_link(&address, &self.call.query, option, token)
    }

    /// Where the page begins that is asked for. `newest` is where the feed is now.
    fn place(&self, newest: u64) -> Result<Place, GraphError> {
        let options = &self.call.options;
        let token = options.skip_token.as_deref().or(options.delta_token.as_deref()).unwrap_or_default();
        match token {
            "" => Ok(Place::Everything { began: newest, after: None, members_after: None }),
            latest if latest.eq_ignore_ascii_case("latest") => Ok(Place::Feed { number: newest }),
            token => self.call.unsealed(token).and_then(|text| Place::read(&text)).ok_or_else(|| {
                GraphError::bad_request(
                    "The delta token is not valid for this query. Follow '@odata.nextLink' and '@odata.deltaLink' unchanged, or begin anew without a token.",
                )
            }),
        }
    }

    // Everything -----------------------------------------------------------------------------------------------------

    async fn everything(
        &self,
        began: u64,
        mut after: Option<Uuid>,
        members_after: Option<(Uuid, Uuid)>,
    ) -> Result<Told, ApiError> {
        let mut value = Vec::new();
        let mut room = MOST_MEMBERS;
        let place = |after, members_after| Place::Everything { began, after, members_after };
        if let Some((group, member)) = members_after {
            let (members, last) = self.members_of(group, Some(member), room).await?;
            room -= members.len();
            value.push(json!({ "id": group, "members@delta": self.typed(&members).await? }));
            if let Some(last) = last {
                return Ok(Told { value, next: place(after, Some((group, last))), complete: false });
            }
        }
        let predicate = self
            .call
            .options
            .filter
            .as_ref()
            .and_then(|filter| lower(wire_kind(self.kind), filter).predicate);
        let query =
            ListQuery { kind: self.kind, presence: Presence::Live, predicate, after, limit: self.limit + 1 };
        let mut objects = self.directory.list(query).await?;
        let more = objects.len() > self.limit;
        objects.truncate(self.limit);
        let managers = self.managers(&objects).await?;
        for object in &objects {
            let mut resource = resource(&self.projection, object);
            resource.insert("id".to_owned(), json!(object.id));
            after = Some(object.id);
            match self.kind {
                ObjectKind::Group if self.related => {
                    let (members, last) = self.members_of(object.id, None, room).await?;
                    room -= members.len();
                    resource.insert("members@delta".to_owned(), Json::Array(self.typed(&members).await?));
                    value.push(Json::Object(resource));
                    if let Some(last) = last {
                        let next = place(after, Some((object.id, last)));
                        return Ok(Told { value, next, complete: false });
                    }
                    if room == 0 {
                        return Ok(Told { value, next: place(after, None), complete: false });
                    }
                }
                _ => {
                    let manager = managers.get(&object.id).copied();
                    self.add_manager(&mut resource, manager, &HashSet::new());
                    value.push(Json::Object(resource));
                }
            }
        }
        let next = if more { place(after, None) } else { Place::Feed { number: began } };
        Ok(Told { value, next, complete: !more })
    }

    /// Members of a group after one of them, and the last of them where there are more.
    async fn members_of(
        &self,
        group: Uuid,
        after: Option<Uuid>,
        room: usize,
    ) -> Result<(Vec<Uuid>, Option<Uuid>), ApiError> {
        let mut members = self.directory.related(RelationKind::Member, group, after, room + 1).await?;
        let more = members.len() > room;
        members.truncate(room);
        let last = members.last().copied().filter(|_| more);
        Ok((members, last))
    }

    // Changes --------------------------------------------------------------------------------------------------------

    async fn changes(&self, mut number: u64) -> Result<Told, ApiError> {
        let mut seen = Seen::default();
        let (mut complete, mut looked_at) = (false, 0);
        'feed: while looked_at < MOST_ENTRIES {
            let entries = self.directory.changes_after(number, FEED_PAGE).await?;
            for entry in &entries {
                if !seen.has_room(entry, self.kind, self.limit) {
                    break 'feed;
                }
                seen.note(entry, self.kind, self.related);
                number = entry.number;
            }
            looked_at += entries.len();
            if entries.len() < FEED_PAGE {
                complete = true;
                break;
            }
        }
        Ok(Told { value: self.tell(&seen).await?, next: Place::Feed { number }, complete })
    }

    /// The objects that were seen, as they are now.
    async fn tell(&self, seen: &Seen) -> Result<Vec<Json>, ApiError> {
        let objects = self.directory.objects(&seen.order, Presence::Any).await?;
        let live: Vec<DirectoryObject> =
            objects.iter().filter(|object| object.deleted.is_none()).cloned().collect();
        let managers = self.managers(&live).await?;
        let objects: HashMap<Uuid, DirectoryObject> =
            objects.into_iter().map(|object| (object.id, object)).collect();
        let members: Vec<Uuid> = seen.members.keys().map(|(_, member)| *member).collect();
        let types = self.types(&members).await?;
        let mut value = Vec::new();
        for id in &seen.order {
            let mut resource = match objects.get(id) {
                Some(object) if object.deleted.is_none() => {
                    let mut resource = resource(&self.projection, object);
                    resource.insert("id".to_owned(), json!(id));
                    resource
                }
                found => removed(*id, if found.is_some() { "changed" } else { "deleted" }),
            };
            if !self.wants(*id) {
                continue;
            }
            if !resource.contains_key("@removed") {
                if self.kind == ObjectKind::Group {
                    let changed: Vec<Json> = seen
                        .members
                        .range((*id, Uuid::nil())..=(*id, Uuid::max()))
                        .map(|((_, member), there)| entry(*member, types.get(member).copied(), *there))
                        .collect();
                    if !changed.is_empty() {
                        resource.insert("members@delta".to_owned(), Json::Array(changed));
                    }
                } else {
                    let none = HashSet::new();
                    let former = seen.former_managers.get(id).unwrap_or(&none);
                    self.add_manager(&mut resource, managers.get(id).copied(), former);
                }
            }
            value.push(Json::Object(resource));
        }
        Ok(value)
    }

    fn wants(&self, id: Uuid) -> bool {
        let Some(filter) = &self.call.options.filter else { return true };
        let mut properties = Map::new();
        properties.insert("id".to_owned(), json!(id));
        matches(filter, &properties)
    }

    // What comes along -----------------------------------------------------------------------------------------------

    async fn managers(&self, objects: &[DirectoryObject]) -> Result<HashMap<Uuid, Uuid>, ApiError> {
        if self.kind != ObjectKind::User || !self.related {
            return Ok(HashMap::new());
        }
        let ids: Vec<Uuid> = objects.iter().map(|object| object.id).collect();
        Ok(self.directory.managers(&ids).await?.into_iter().collect())
    }

    fn add_manager(&self, resource: &mut Map<String, Json>, manager: Option<Uuid>, former: &HashSet<Uuid>) {
        if self.kind != ObjectKind::User || !self.related {
            return;
        }
        let user = Some(ObjectKind::User);
        let gone = former.iter().filter(|former| Some(**former) != manager);
        let told = gone.map(|former| entry(*former, user, false));
        let told: Vec<Json> = told.chain(manager.map(|manager| entry(manager, user, true))).collect();
        if !told.is_empty() {
            resource.insert("manager@delta".to_owned(), Json::Array(told));
        }
    }

    async fn types(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, ObjectKind>, ApiError> {
        let objects = self.directory.objects(ids, Presence::Any).await?;
        Ok(objects.into_iter().map(|object| (object.id, object.kind)).collect())
    }

    async fn typed(&self, members: &[Uuid]) -> Result<Vec<Json>, ApiError> {
        let types = self.types(members).await?;
        Ok(members.iter().map(|member| entry(*member, types.get(member).copied(), true)).collect())
    }
}

/// What entries of the feed are about.
#[derive(Default)]
struct Seen {
    /// Objects in the order in which the feed first names them.
    order: Vec<Uuid>,
    known: HashSet<Uuid>,
    /// Group and member, and whether the membership was there at last.
    members: BTreeMap<(Uuid, Uuid), bool>,
    former_managers: HashMap<Uuid, HashSet<Uuid>>,
}

impl Seen {
    /// The object of a kind that an entry is about.
    fn subject(entry: &ChangeEntry, kind: ObjectKind) -> Option<Uuid> {
        match entry.subject {
            ChangeSubject::Object { kind: of, id } | ChangeSubject::Purged { kind: of, id } => {
                (of == kind).then_some(id)
            }
            ChangeSubject::MemberAdded { group, .. } | ChangeSubject::MemberRemoved { group, .. } => {
                (kind == ObjectKind::Group).then_some(group)
            }
            ChangeSubject::Assignment { .. } => None,
        }
    }

    fn has_room(&self, entry: &ChangeEntry, kind: ObjectKind, limit: usize) -> bool {
        let Some(subject) = Self::subject(entry, kind) else { return true };
        self.members.len() < MOST_MEMBERS && (self.order.len() < limit || self.known.contains(&subject))
    }

    fn note(&mut self, entry: &ChangeEntry, kind: ObjectKind, related: bool) {
        let Some(subject) = Self::subject(entry, kind) else { return };
        match entry.subject {
            // Without members there is nothing to tell of a membership.
            ChangeSubject::MemberAdded { .. } | ChangeSubject::MemberRemoved { .. } if !related => return,
            ChangeSubject::MemberAdded { group, member } => {
                self.members.insert((group, member), true);
            }
            ChangeSubject::MemberRemoved { group, member } => {
                self.members.insert((group, member), false);
            }
            _ => {}
        }
        if self.known.insert(subject) {
            self.order.push(subject);
        }
        if let Some(former) = entry.former_manager {
            self.former_managers.entry(subject).or_default().insert(former);
        }
    }
}

/// One end of a relation, there or removed.
fn entry(id: Uuid, kind: Option<ObjectKind>, there: bool) -> Json {
    let mut entry = if there { Map::new() } else { removed(id, "deleted") };
    if let Some(kind) = kind {
        entry.insert("@odata.type".to_owned(), Json::from(wire_kind(kind).odata_type()));
    }
    entry.insert("id".to_owned(), json!(id));
    Json::Object(entry)
}

fn removed(id: Uuid, reason: &str) -> Map<String, Json> {
    let mut entry = Map::new();
    entry.insert("id".to_owned(), json!(id));
    entry.insert("@removed".to_owned(), json!({ "reason": reason }));
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for place in [
            Place::Feed { number: 7 },
            Place::Everything { began: 0, after: None, members_after: None },
            Place::Everything { began: 9, after: Some(one), members_after: None },
            Place::Everything { began: 9, after: Some(one), members_after: Some((one, two)) },
        ] {
            assert_eq!(Place::read(&place.text()), Some(place));
        }
        for text in ["", "c", "e1", "e1.x..", "a7", "e.."] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
