use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_trait::async_trait;
use connector::{
    ChangePage, ChangeRequest, Configuration, ConnectorError, Cursor, Entitlement, ErrorClass, ReferencePage,
    Result, Selection, Source, SourceCapabilities, SourceObject,
};
use directory::{DirectoryError, DirectoryObject, ObjectKind, Presence, RelationKind, TenantDirectory};
use model::schema::DirectoryDefinition;
use model::{Anchor, FailureCode, Name, Uuid};

use crate::attributes::{Columns, Surroundings, anchor, display_name, is_enabled, roles_of};
use crate::definition::{GROUP, MEMBERS, discovered, kind_of, name_of};

/// Changes per page that suit the store and the engine.
const PAGE: usize = 500;
/// Members per page.
const REFERENCES: usize = 1_000;

/// The embedded directory of one tenant, as one application's service principal sees it.
pub struct DirectorySource {
    pub(crate) directory: TenantDirectory,
    /// The service principal whose assignments count.
    pub(crate) resource: Uuid,
    /// True where everybody is entitled.
    pub(crate) everybody: bool,
    /// True where members of groups in assigned groups are entitled too.
    pub(crate) nested: bool,
    capabilities: SourceCapabilities,
}

impl DirectorySource {
    /// The source of a configuration that was validated.
    #[must_use]
    pub fn new(directory: TenantDirectory, configuration: &Configuration) -> Self {
        Self {
            directory,
            resource: configuration.service_principal.0,
            everybody: configuration.secrets.flag("SyncAll"),
            nested: configuration.nested_groups,
            capabilities: SourceCapabilities {
                large_references: vec![(GROUP.into(), MEMBERS.into())],
                page_size: PAGE,
                memberships: true,
            },
        }
    }

    /// What entitlement is computed from, as cursors carry it.
    pub(crate) fn basis(&self) -> String {
        let scope = match (self.everybody, self.nested) {
            (true, _) => "all",
            (false, true) => "nested",
            (false, false) => "assigned",
        };
        format!("{}:{scope}", self.resource)
    }

    /// The objects, in their order, with the attributes that are selected of their type; others are left out.
    pub(crate) async fn shown(
        &self,
        selections: &[Selection],
        objects: &[DirectoryObject],
    ) -> Result<Vec<SourceObject>> {
        let ids: Vec<Uuid> = objects.iter().map(|object| object.id).collect();
        let roles_wanted = wants(selections, "appRoleAssignments");
        let mut surroundings = Surroundings::default();
        let mut entitled = HashSet::new();
        if roles_wanted || !self.everybody {
            let found =
                self.directory.entitlements(self.resource, &ids, self.nested).await.map_err(trouble)?;
            entitled.extend(found.iter().map(|one| one.principal));
            surroundings.app_roles = found.into_iter().map(|one| (one.principal, one.app_roles)).collect();
        }
        if roles_wanted {
            surroundings.roles = self.roles().await?;
        }
        if wants(selections, "manager") {
            surroundings.managers = self.managers(objects).await?;
        }
        let memberships = self.memberships(selections, &ids).await?;
        let columns = |kind| Columns::of(kind, &selection_of(selections, kind)?.attributes);
        let (users, groups) = (columns(ObjectKind::User), columns(ObjectKind::Group));
        let show = |object: &DirectoryObject| {
            let columns = match object.kind {
                ObjectKind::User => users.as_ref()?,
                ObjectKind::Group => groups.as_ref()?,
                ObjectKind::Application | ObjectKind::ServicePrincipal => return None,
            };
            Some(SourceObject {
                object: columns.shape(object, &surroundings),
                enabled: is_enabled(object),
                soft_deleted: object.deleted.is_some(),
                entitled: self.everybody || entitled.contains(&object.id),
                member_of: memberships.get(&object.id).cloned().unwrap_or_default(),
                display_name: display_name(object),
            })
        };
        Ok(objects.iter().filter_map(show).collect())
    }

    /// Of the groups that filters ask about, those that each object is a member of.
    async fn memberships(
        &self,
        selections: &[Selection],
        objects: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Anchor>>> {
        let asked = asked_groups(selections)?;
        let groups: Vec<Uuid> = asked.iter().map(|(group, _)| *group).collect();
        let mut memberships: HashMap<Uuid, Vec<Anchor>> = HashMap::new();
        let found = self.directory.memberships(objects, &groups, self.nested).await.map_err(trouble)?;
        for (member, group) in found {
            let names = asked.iter().filter(|(asked, _)| *asked == group).map(|(_, name)| (*name).clone());
            memberships.entry(member).or_default().extend(names);
        }
        Ok(memberships)
    }

    async fn managers(&self, objects: &[DirectoryObject]) -> Result<HashMap<Uuid, Uuid>> {
        let users = objects.iter().filter(|object| object.kind == ObjectKind::User);
        let users: Vec<Uuid> = users.map(|user| user.id).collect();
        Ok(self.directory.managers(&users).await.map_err(trouble)?.into_iter().collect())
    }

    async fn roles(&self) -> Result<Vec<(Uuid, Name)>> {
        let found = self.directory.get(ObjectKind::ServicePrincipal, self.resource).await.map_err(trouble)?;
        Ok(found.as_ref().map(roles_of).unwrap_or_default())
    }

    /// A fingerprint of the roles that `appRoleAssignments` can show. It need not last: another one only makes the
    /// assigned be looked at again.
    pub(crate) async fn roles_fingerprint(&self, selections: &[Selection]) -> Result<u64> {
        if !wants(selections, "appRoleAssignments") {
            return Ok(0);
        }
        let mut hasher = DefaultHasher::new();
        self.roles().await?.hash(&mut hasher);
        Ok(hasher.finish())
    }
}

#[async_trait]
impl Source for DirectorySource {
    fn capabilities(&self) -> &SourceCapabilities {
        &self.capabilities
    }

    async fn discover(&self) -> Result<Option<DirectoryDefinition>> {
        discovered(&self.directory).await.map(Some).map_err(trouble)
    }

    async fn changes(&self, request: ChangeRequest<'_>) -> Result<ChangePage> {
        for selection in request.selections {
            known(&selection.kind)?;
        }
        self.page(request).await
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<SourceObject>> {
        let kind = known(&selection.kind)?;
        let Ok(id) = Uuid::parse_str(anchor.as_str()) else { return Ok(None) };
        let found = self.directory.get_among(Presence::Any, kind, id).await.map_err(trouble)?;
        let Some(object) = found else { return Ok(None) };
        let shown = self.shown(std::slice::from_ref(selection), &[object]).await?;
        Ok(shown.into_iter().next())
    }

    async fn references(
        &self,
        kind: &Name,
        anchor_of_owner: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<ReferencePage> {
        if !self.capabilities.is_large_reference(kind, attribute) {
            let detail = format!("{attribute} of {kind} is not read in pages: only {MEMBERS} of {GROUP} is");
            return Err(
                ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::SchemaAttributeNotFound)
            );
        }
        let after = cursor.map(|cursor| Uuid::parse_str(&cursor.0)).transpose().map_err(|error| {
            ConnectorError::new(
                ErrorClass::CursorRefused,
                format!("the page's cursor is not one of a member: {error}"),
            )
        })?;
        let Ok(group) = Uuid::parse_str(anchor_of_owner.as_str()) else {
            return Ok(ReferencePage { references: Vec::new(), next: None });
        };
        let kind = RelationKind::Member;
        let members = self.directory.related(kind, group, after, REFERENCES).await.map_err(trouble)?;
        let full = members.len() >= REFERENCES;
        let next = members.last().filter(|_| full).map(|last| Cursor(last.to_string()));
        Ok(ReferencePage { references: members.into_iter().map(anchor).collect(), next })
    }

    async fn entitled_by(&self, _kind: &Name, anchor: &Anchor) -> Result<Vec<Entitlement>> {
        match Uuid::parse_str(anchor.as_str()) {
            Ok(id) => self.paths(id).await,
            Err(_) => Ok(Vec::new()),
        }
    }
}

/// The selection of a kind of object.
pub(crate) fn selection_of(selections: &[Selection], kind: ObjectKind) -> Option<&Selection> {
    let name = name_of(kind)?;
    selections.iter().find(|selection| selection.kind == name)
}

/// The groups that filters ask about, each with the text by which a filter names it.
pub(crate) fn asked_groups(selections: &[Selection]) -> Result<Vec<(Uuid, &Anchor)>> {
    let mut groups: Vec<(Uuid, &Anchor)> = Vec::new();
    for name in selections.iter().flat_map(|selection| &selection.groups) {
        let group = Uuid::parse_str(name.as_str()).map_err(|_| {
            let detail = format!(
                "a scoping filter asks with IsMemberOf for '{name}', which is no group's id: use the objectId of a group"
            );
            ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::SchemaAttributeNotFound)
        })?;
        if !groups.contains(&(group, name)) {
            groups.push((group, name));
        }
    }
    Ok(groups)
}

/// True where an attribute is selected of any type.
pub(crate) fn wants(selections: &[Selection], attribute: &str) -> bool {
    selections.iter().any(|selection| selection.attributes.iter().any(|name| name == attribute))
}

pub(crate) fn known(name: &Name) -> Result<ObjectKind> {
    kind_of(name).ok_or_else(|| {
        let detail = format!("the embedded directory has no object type '{name}': use User or Group");
        ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::EntityTypeNotSupported)
    })
}

/// The directory's trouble as a connector's.
pub(crate) fn trouble(error: DirectoryError) -> ConnectorError {
    let detail = error.to_string();
    let class = match error {
        DirectoryError::NotFound { .. } => ErrorClass::NotFound,
        DirectoryError::Invalid { property, .. } => ErrorClass::Invalid { attribute: Some(property) },
        DirectoryError::Protected(_) => ErrorClass::Permanent,
        DirectoryError::Store(_) => ErrorClass::Retry { after: None },
    };
    ConnectorError::new(class, detail).code(FailureCode::InternalError)
}
