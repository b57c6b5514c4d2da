//! How resources are shown: their attributes, relations, addresses and versions, as far as a request asks for them.

use std::collections::HashMap;

use directory::{DirectoryObject, Presence, RelationKind};
use model::Uuid;
use scim::selection::Selection;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::failure::Result;
use super::kind::{ENTERPRISE, Kind};
use super::mapping;
use super::reply::Resource;
use super::tag::{self, Stamp};

/// Relations that are read at once.
pub(super) const RELATIONS: usize = 1_000;
/// Members that the groups of one page have together, unless the first has more: a page ends where it would have more.
const MOST_MEMBERS: usize = 20_000;

/// What an answer shows of resources of a type.
pub(super) struct View {
    kind: Kind,
    selection: Selection,
    /// The parts of a user's manager, of a user's groups or of a group's members; none where they are not shown.
    relation: Option<Parts>,
    groups: bool,
}

/// The parts of a reference that are shown.
#[derive(Clone)]
struct Parts(Vec<&'static str>);

impl Parts {
    const ALL: [&'static str; 5] = ["value", "$ref", "type", "display", "displayName"];

    fn has(&self, part: &str) -> bool {
        self.0.contains(&part)
    }
}

impl View {
    /// What a selection leaves.
    pub(super) fn new(kind: Kind, selection: Selection) -> Self {
        let mut probe = match kind {
            Kind::User => json!({
                ENTERPRISE: {"manager": {"value": "x", "$ref": "x", "displayName": "x"}},
                "groups": [{"value": "x", "$ref": "x", "display": "x", "type": "x"}]
            }),
            Kind::Group => json!({"members": [{"value": "x", "$ref": "x", "display": "x", "type": "x"}]}),
        };
        selection.apply(&mut probe, kind.schema());
        let shown = match kind {
            Kind::User => probe.get(ENTERPRISE).and_then(|extension| extension.get("manager")),
            Kind::Group => probe.pointer("/members/0"),
        };
        let parts = shown
            .map(|shown| Parts(Parts::ALL.into_iter().filter(|part| shown.get(part).is_some()).collect()));
        Self { kind, relation: parts, groups: probe.get("groups").is_some(), selection }
    }

    /// Objects as resources, in their order. Of groups with very many members in all fewer are shown, one at least.
    pub(super) async fn show(&self, call: &Call, objects: &[DirectoryObject]) -> Result<Vec<Resource>> {
        let managers = match (self.kind, &self.relation) {
            (Kind::User, Some(parts)) => Some(Managers::of(call, objects, parts.has("displayName")).await?),
            _ => None,
        };
        let mut shown = Vec::with_capacity(objects.len());
        let mut members = 0;
        for object in objects {
            let mut attributes = attributes(call, self.kind, object);
            let mut tag = tag::of_version(object.version);
            let mut text = None;
            if let Some(managers) = &managers {
                let manager = managers.of_user(call, object.id);
                let stamp = Stamp::of(&manager.as_ref().map(|(id, _)| *id));
                tag = tag::with_relations(object.version, stamp);
                if let Some((_, value)) = manager {
                    put_manager(&mut attributes, value);
                }
            }
            if self.groups {
                put(&mut attributes, "groups", groups(call, object.id).await?);
            }
            if let (Kind::Group, Some(parts)) = (self.kind, &self.relation) {
                let found = Members::read(call, object.id, parts).await?;
                tag = tag::with_relations(object.version, found.stamp);
                members += found.count;
                text = (found.count > 0).then_some(found.text);
            }
            if members > MOST_MEMBERS && !shown.is_empty() {
                break;
            }
            shown.push(self.finish(call, object, attributes, text, tag));
        }
        Ok(shown)
    }

    /// One object as a resource.
    pub(super) async fn show_one(&self, call: &Call, object: &DirectoryObject) -> Result<Resource> {
        let shown = self.show(call, std::slice::from_ref(object)).await?;
        Ok(shown.into_iter().next().unwrap_or_default())
    }

    fn finish(
        &self,
        call: &Call,
        object: &DirectoryObject,
        mut attributes: Map<String, Json>,
        members: Option<String>,
        etag: String,
    ) -> Resource {
        announce(self.kind, &mut attributes);
        let location = call.location(self.kind, object.id);
        if let Some(Json::Object(meta)) = attributes.get_mut("meta") {
            meta.insert("version".to_owned(), etag.as_str().into());
        }
        let mut json = Json::Object(attributes);
        self.selection.apply(&mut json, self.kind.schema());
        let attributes = match json {
            Json::Object(attributes) => attributes,
            _ => Map::new(),
        };
        Resource { attributes, members, location, etag }
    }
}

/// An object's own attributes with `id` and `meta`, but without `schemas`, version and relations.
pub(super) fn attributes(call: &Call, kind: Kind, object: &DirectoryObject) -> Map<String, Json> {
    let mut attributes = mapping::read(kind, &object.properties);
    attributes.insert("id".to_owned(), object.id.to_string().into());
    let meta = json!({
        "resourceType": kind.name(),
        "created": object.created.to_string(),
        "lastModified": object.modified.to_string(),
        "location": call.location(kind, object.id),
    });
    attributes.insert("meta".to_owned(), meta);
    attributes
}

/// Sets `schemas`: the resource's own and the extensions that it uses.
pub(super) fn announce(kind: Kind, attributes: &mut Map<String, Json>) {
    let own = std::iter::once(Json::from(kind.uri()));
    let extensions = attributes.iter().filter(|(key, value)| key.contains(':') && value.is_object());
    let schemas = own.chain(extensions.map(|(key, _)| Json::from(key.as_str()))).collect();
    attributes.insert("schemas".to_owned(), Json::Array(schemas));
}

/// Sets the manager of a user.
pub(super) fn put_manager(attributes: &mut Map<String, Json>, manager: Json) {
    let extension = attributes.entry(ENTERPRISE).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(extension) = extension {
        extension.insert("manager".to_owned(), manager);
    }
}

fn put(attributes: &mut Map<String, Json>, name: &str, values: Vec<Json>) {
    if !values.is_empty() {
        attributes.insert(name.to_owned(), Json::Array(values));
    }
}

/// The managers of some users.
pub(super) struct Managers {
    of: HashMap<Uuid, Uuid>,
    names: HashMap<Uuid, String>,
}

impl Managers {
    /// Looks them up, with their names or without.
    pub(super) async fn of(call: &Call, users: &[DirectoryObject], with_names: bool) -> Result<Self> {
        let directory = call.directory();
        let ids: Vec<Uuid> = users.iter().map(|user| user.id).collect();
        let of: HashMap<Uuid, Uuid> = directory.managers(&ids).await?.into_iter().collect();
        let mut managers: Vec<Uuid> = of.values().copied().filter(|_| with_names).collect();
        managers.sort_unstable();
        managers.dedup();
        let found = directory.objects(&managers, Presence::Live).await?;
        let name = |object: &DirectoryObject| Some((object.id, object.text("displayName")?.to_owned()));
        Ok(Self { of, names: found.iter().filter_map(name).collect() })
    }

    /// The manager of one of the users: id and value.
    pub(super) fn of_user(&self, call: &Call, user: Uuid) -> Option<(Uuid, Json)> {
        let id = *self.of.get(&user)?;
        let mut value = json!({"value": id.to_string(), "$ref": call.location(Kind::User, id)});
        if let (Some(name), Json::Object(parts)) = (self.names.get(&id), &mut value) {
            parts.insert("displayName".to_owned(), name.as_str().into());
        }
        Some((id, value))
    }
}

/// The groups that a user is in.
async fn groups(call: &Call, user: Uuid) -> Result<Vec<Json>> {
    let directory = call.directory();
    let (mut groups, mut after) = (Vec::new(), None);
    loop {
        let ids = directory.relating(RelationKind::Member, user, after, RELATIONS).await?;
        for group in directory.by_id(&ids).await? {
            groups.push(json!({
                "value": group.id.to_string(), "$ref": call.location(Kind::Group, group.id),
                "display": group.text("displayName"), "type": "direct",
            }));
        }
        if ids.len() < RELATIONS {
            return Ok(groups);
        }
        after = ids.last().copied();
    }
}

/// The members of a group, page by page into one text.
struct Members {
    text: String,
    count: usize,
    stamp: u64,
}

impl Members {
    async fn read(call: &Call, group: Uuid, parts: &Parts) -> Result<Self> {
        let directory = call.directory();
        let (mut text, mut count, mut stamp, mut after) = ("[".to_owned(), 0, Stamp::default(), None);
        loop {
            let ids = directory.related(RelationKind::Member, group, after, RELATIONS).await?;
            stamp.extend(&ids);
            for member in directory.by_id(&ids).await? {
                let Some(kind) = Kind::of_object(member.kind) else { continue };
                if count > 0 {
                    text.push(',');
                }
                text.push_str(&element(call, kind, &member, parts).to_string());
                count += 1;
            }
            if ids.len() < RELATIONS {
                break;
            }
            after = ids.last().copied();
        }
        text.push(']');
        Ok(Self { text, count, stamp: stamp.finish() })
    }
}

/// A member as an element of `members`, with all of its parts.
pub(super) fn member(call: &Call, kind: Kind, object: &DirectoryObject) -> Json {
    element(call, kind, object, &Parts(Parts::ALL.to_vec()))
}

fn element(call: &Call, kind: Kind, object: &DirectoryObject, parts: &Parts) -> Json {
    let mut element = Map::new();
    if parts.has("value") {
        element.insert("value".to_owned(), object.id.to_string().into());
    }
    if parts.has("$ref") {
        element.insert("$ref".to_owned(), call.location(kind, object.id).into());
    }
    if parts.has("type") {
        element.insert("type".to_owned(), kind.name().into());
    }
    if let Some(name) = object.text("displayName").filter(|_| parts.has("display")) {
        element.insert("display".to_owned(), name.into());
    }
    Json::Object(element)
}
