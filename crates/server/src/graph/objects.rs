//! What users, groups, applications and service principals have in common: reading one, answering one, making, changing
//! and removing one.

use directory::{
    DirectoryObject, NewObject, ObjectKind, PasswordCredential, Relation, RelationKind, TenantDirectory,
};
use graph::GraphError;
use graph::directory::{
    Binding, Kind, ObjectReference, Projection, fragment, is_extension, take_bindings, validate_create,
    validate_patch,
};
use graph::path::{Key, Version};
use model::Uuid;
use serde_json::{Map, Value as Json, json};

use super::call::{Call, PREFERENCE_APPLIED};
use super::error::ApiError;
use super::expand::expand;
use super::extension_properties::check_extensions;
use super::reply::Reply;
use super::route::Answer;
use crate::auth::key_credentials;

/// The wire's kind of an object of the directory.
pub(crate) fn wire_kind(kind: ObjectKind) -> Kind {
    match kind {
        ObjectKind::User => Kind::User,
        ObjectKind::Group => Kind::Group,
        ObjectKind::Application => Kind::Application,
        ObjectKind::ServicePrincipal => Kind::ServicePrincipal,
    }
}

/// The properties of an object as clients may see and search them: with its moments, without hashes.
pub(crate) fn visible(object: &DirectoryObject) -> Map<String, Json> {
    let mut properties = object.properties.clone();
    properties.insert("id".to_owned(), Json::from(object.id.to_string()));
    properties.insert("createdDateTime".to_owned(), Json::from(object.created.to_string()));
    if let Some(deleted) = object.deleted {
        properties.insert("deletedDateTime".to_owned(), Json::from(deleted.to_string()));
    }
    if properties.contains_key("passwordCredentials") {
        let public = PasswordCredential::of(object).iter().map(PasswordCredential::public).collect();
        properties.insert("passwordCredentials".to_owned(), Json::Array(public));
    }
    if properties.contains_key("keyCredentials") {
        let public = key_credentials::public(&properties);
        properties.insert("keyCredentials".to_owned(), Json::Array(public));
    }
    properties
}

/// An object in the form of a projection.
pub(crate) fn resource(projection: &Projection, object: &DirectoryObject) -> Map<String, Json> {
    projection.apply(&object.id.to_string(), &visible(object))
}

/// An object among objects of several kinds: with its type, and of a selection the properties that its kind has.
pub(crate) fn typed_resource(
    object: &DirectoryObject,
    version: Version,
    select: &[String],
) -> Result<Map<String, Json>, GraphError> {
    let kind = wire_kind(object.kind);
    let knows = |name: &&String| *name == "*" || is_extension(name) || kind.property(name).is_some();
    let mut own: Vec<String> = select.iter().filter(knows).cloned().collect();
    if own.is_empty() && !select.is_empty() {
        own.push("id".to_owned());
    }
    let projection = Projection::new(kind, version, &own)?;
    let mut resource = projection.apply_typed(&object.id.to_string(), &visible(object));
    // Of what is in the bin, the moment that it came there always matters.
    if let (Some(deleted), true) = (object.deleted, select.is_empty()) {
        resource.insert("deletedDateTime".to_owned(), Json::from(deleted.to_string()));
    }
    Ok(resource)
}

/// Refuses a selection of properties that no kind has.
pub(crate) fn check_mixed_select(select: &[String]) -> Result<(), GraphError> {
    const KINDS: [Kind; 4] = [Kind::User, Kind::Group, Kind::ServicePrincipal, Kind::Application];
    let known = |name: &str| {
        name == "*"
            || is_extension(name)
            || KINDS.iter().any(|kind| kind.property(name).is_some() || kind.navigates(name))
    };
    match select.iter().find(|name| !known(name)) {
        Some(name) => Err(GraphError::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.directoryObject' in '$select'."
        ))),
        None => Ok(()),
    }
}

impl Call {
    /// The live object that the path's key names.
    ///
    /// # Errors
    /// 404 where there is none, 400 for an alternate key that the kind lacks, 403 for an application that the caller
    /// may not touch.
    pub(crate) async fn object(&self, kind: ObjectKind, name: &str) -> Result<DirectoryObject, ApiError> {
        let directory = self.directory();
        let key = self.key(name)?;
        let found = match key {
            Key::Id(id) => directory.find(kind, id).await?,
            Key::Alternate(property, value) => {
                let known: &[&str] = match kind {
                    ObjectKind::User => &["userPrincipalName"],
                    ObjectKind::Group => &["uniqueName"],
                    ObjectKind::Application => &["appId", "uniqueName"],
                    ObjectKind::ServicePrincipal => &["appId"],
                };
                let Some(property) = known.iter().find(|known| known.eq_ignore_ascii_case(property)) else {
                    return Err(GraphError::bad_request(format!(
                        "'{property}' is no key of '{}'. Use its id, or one of: {}.",
                        wire_kind(kind).type_name(),
                        known.join(", ")
                    ))
                    .into());
                };
                directory.find_by(kind, property, value).await?
            }
        };
        let object = found.ok_or_else(|| GraphError::not_found(key.value()))?;
        if matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal) {
            self.check_ownership(&object).await?;
        }
        Ok(object)
    }

    /// The id behind a key: the key itself, or that of the user with such a `userPrincipalName`.
    pub(crate) async fn identify(&self, directory: &TenantDirectory, key: &str) -> Result<Uuid, ApiError> {
        if let Ok(id) = key.parse() {
            return Ok(id);
        }
        let user = directory.find(ObjectKind::User, key).await?;
        user.map(|user| user.id).ok_or_else(|| GraphError::not_found(key).into())
    }
}

/// GET of one object.
pub(crate) async fn get(call: &Call, kind: ObjectKind) -> Answer {
    let wire = wire_kind(kind);
    let projection = Projection::new(wire, call.version, &call.options.select)?;
    let object = call.object(kind, "id").await?;
    let version = object.version;
    let mut resources = vec![resource(&projection, &object)];
    expand(call, std::slice::from_ref(&object), &mut resources).await?;
    let fragment = fragment(wire.collection(), &call.options.select, true);
    let resource = resources.pop().unwrap_or_default();
    Ok(Reply::ok(call.entity(&fragment, resource)).with_version(version))
}

/// The answer to a POST that made an object.
pub(crate) fn created(call: &Call, object: &DirectoryObject) -> Answer {
    let wire = wire_kind(object.kind);
    let projection = Projection::new(wire, call.version, &[])?;
    let path = format!("{}/{}", wire.collection(), object.id);
    let reply = call.created(&path, &fragment(wire.collection(), &[], true), resource(&projection, object));
    Ok(reply.with_version(object.version))
}

/// The properties of a POST, and the references that it binds.
pub(crate) fn read_new(call: &Call, kind: Kind) -> Result<(Map<String, Json>, Vec<Binding>), ApiError> {
    let mut body = call.object_body()?;
    let bindings = take_bindings(&mut body)?;
    let mut properties = validate_create(kind, call.version, body)?;
    key_credentials::complete(&mut properties, None, &*call.service().entropy)?;
    Ok((properties, bindings))
}

/// Makes an object together with the references that it binds, in one transaction.
pub(crate) async fn create(
    call: &Call,
    kind: ObjectKind,
    properties: Map<String, Json>,
    bindings: &[Binding],
) -> Result<DirectoryObject, ApiError> {
    let directory = call.directory();
    check_extensions(&directory, kind, &properties).await?;
    let id = call.service().entropy.uuid();
    let relations = relations(call, &directory, kind, id, bindings).await?;
    let related = relations.clone();
    let made = directory.import(vec![NewObject { kind, id: Some(id), properties }], relations).await?;
    let object = made.into_iter().next().ok_or_else(GraphError::internal)?;
    let mut new = visible(&object);
    if !related.is_empty() {
        let ids = related.into_iter().map(|relation| Json::from(relation.to.to_string())).collect();
        new.insert("references".to_owned(), Json::Array(ids));
    }
    call.audit(&format!("Add {}", activity_noun(kind)), id.to_string(), None, Some(new.into())).await?;
    Ok(object)
}

/// The objects that the bindings of a POST name, for kinds whose only such relation is `owners`.
pub(crate) async fn bound(
    call: &Call,
    kind: ObjectKind,
    bindings: &[Binding],
) -> Result<Vec<Uuid>, ApiError> {
    let relations = relations(call, &call.directory(), kind, Uuid::nil(), bindings).await?;
    Ok(relations.into_iter().map(|relation| relation.to).collect())
}

/// PATCH of one object: properties, and references that are added.
pub(crate) async fn update(call: &Call, kind: ObjectKind) -> Answer {
    let wire = wire_kind(kind);
    let mut body = call.object_body()?;
    let bindings = take_bindings(&mut body)?;
    let mut changes = validate_patch(wire, call.version, body)?;
    let expected = call.if_match()?;
    let object = call.object(kind, "id").await?;
    if expected.is_some_and(|version| version != object.version) {
        return Err(GraphError::precondition_failed().into());
    }
    key_credentials::complete(&mut changes, Some(&object), &*call.service().entropy)?;
    let directory = call.directory();
    check_extensions(&directory, kind, &changes).await?;
    for relation in relations(call, &directory, kind, object.id, &bindings).await? {
        // A reference that is there already is not refused here: clients repeat bindings with every update.
        match directory.relate(relation.kind, relation.from, &[relation.to]).await {
            Ok(()) => audit_relation(call, relation.kind, &object, relation.to, true).await?,
            Err(directory::DirectoryError::Store(store::StoreError::RelationExists { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let changed = if changes.is_empty() {
        object.clone()
    } else {
        directory.patch(kind, object.id, expected, changes).await?
    };
    if changed != object {
        let activity = format!("Update {}", activity_noun(kind));
        let (old, new) = (visible(&object).into(), visible(&changed).into());
        call.audit(&activity, object.id.to_string(), Some(old), Some(new)).await?;
    }
    if call.prefers("representation") {
        let projection = Projection::new(wire, call.version, &[])?;
        let fragment = fragment(wire.collection(), &[], true);
        let reply = Reply::ok(call.entity(&fragment, resource(&projection, &changed)));
        return Ok(reply.with(PREFERENCE_APPLIED, "return=representation").with_version(changed.version));
    }
    Ok(Reply::no_content().with_version(changed.version))
}

/// DELETE of one object: to the bin.
pub(crate) async fn delete(call: &Call, kind: ObjectKind) -> Answer {
    let expected = call.if_match()?;
    let object = call.object(kind, "id").await?;
    if expected.is_some_and(|version| version != object.version) {
        return Err(GraphError::precondition_failed().into());
    }
    super::synchronization::pause_jobs(call, &object).await?;
    call.directory().delete(kind, object.id).await?;
    let activity = format!("Delete {}", activity_noun(kind));
    call.audit(&activity, object.id.to_string(), Some(visible(&object).into()), None).await?;
    Ok(Reply::no_content())
}

/// Writes the audit record of a reference that was made or ended.
pub(crate) async fn audit_relation(
    call: &Call,
    relation: RelationKind,
    of: &DirectoryObject,
    to: Uuid,
    made: bool,
) -> Result<(), ApiError> {
    let name = match relation {
        RelationKind::Member => "member",
        RelationKind::Manager => "manager",
        RelationKind::Owner => "owner",
    };
    let verb = if made { "Add" } else { "Remove" };
    let preposition = if made { "to" } else { "from" };
    let activity = format!("{verb} {name} {preposition} {}", activity_noun(of.kind));
    let value = Some(json!({ name: to }));
    let (old, new) = if made { (None, value) } else { (value, None) };
    call.audit(&activity, of.id.to_string(), old, new).await
}

/// A kind as audit records name it.
pub(crate) fn activity_noun(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
        ObjectKind::Application => "application",
        ObjectKind::ServicePrincipal => "service principal",
    }
}

/// The relations that bindings ask for.
async fn relations(
    call: &Call,
    directory: &TenantDirectory,
    kind: ObjectKind,
    from: Uuid,
    bindings: &[Binding],
) -> Result<Vec<Relation>, ApiError> {
    let mut relations = Vec::new();
    for binding in bindings {
        let relation = relation_of(kind, &binding.property).ok_or_else(|| {
            GraphError::invalid_property(
                &format!("{}@odata.bind", binding.property),
                &format!(
                    "'{}' has no relation of that name that can be set here.",
                    wire_kind(kind).type_name()
                ),
            )
        })?;
        for address in &binding.references {
            let to = call.identify(directory, &ObjectReference::key(address)?).await?;
            let relation = Relation { kind: relation, from, to };
            if !relations.contains(&relation) {
                relations.push(relation);
            }
        }
    }
    Ok(relations)
}

/// The relation behind a navigation property that clients may set.
pub(crate) fn relation_of(kind: ObjectKind, property: &str) -> Option<RelationKind> {
    match (kind, property.to_ascii_lowercase().as_str()) {
        (ObjectKind::User, "manager") => Some(RelationKind::Manager),
        (ObjectKind::Group, "members") => Some(RelationKind::Member),
        (ObjectKind::Group | ObjectKind::Application | ObjectKind::ServicePrincipal, "owners") => {
            Some(RelationKind::Owner)
        }
        _ => None,
    }
}
