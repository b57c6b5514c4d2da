//! The embedded directory as a target.

use async_trait::async_trait;
use connector::{
    ChangeSet, ConnectorError, Cursor, ErrorClass, ReferenceChange, ReferencePage, Result, Selection, Target,
    TargetCapabilities, TargetPage, TypeCapabilities,
};
use directory::{
    Comparison, DirectoryError, DirectoryObject, ListQuery, ObjectKind, Predicate, Presence, RelationKind,
    TenantDirectory,
};
use model::schema::DirectoryDefinition;
use model::{Anchor, Name, Object, Uuid, Value};
use serde_json::{Map, Value as Json};
use store::StoreError;

use crate::attributes::{Columns, Surroundings, anchor};
use crate::definition::{GROUP, MANAGER, MEMBERS, USER, discovered};
use crate::source::{known, wants};
use crate::writing::{apply, json, property_of};

/// Objects of one page.
const PAGE: usize = 500;
/// Objects with one value that are looked at: more than one is too many already.
const FOUND: usize = 100;
/// References that one call changes at most, and that a page holds.
const REFERENCES: usize = 1_000;

/// The embedded directory of one tenant, written by one job. Objects that are deleted go to the bin.
pub struct DirectoryTarget {
    directory: TenantDirectory,
    capabilities: TargetCapabilities,
}

impl DirectoryTarget {
    /// The target on a directory; whose writes they are is the directory's matter.
    #[must_use]
    pub fn new(directory: TenantDirectory) -> Self {
        let kind = |kind: &str, soft_delete| TypeCapabilities {
            kind: kind.into(),
            soft_delete,
            list: true,
            reference_chunk: REFERENCES,
        };
        let capabilities = TargetCapabilities { types: vec![kind(USER, true), kind(GROUP, false)] };
        Self { directory, capabilities }
    }

    /// The objects with the selected attributes.
    async fn shown(&self, selection: &Selection, objects: &[DirectoryObject]) -> Result<Vec<Object>> {
        let mut surroundings = Surroundings::default();
        if wants(std::slice::from_ref(selection), MANAGER) {
            let users: Vec<Uuid> = objects.iter().map(|object| object.id).collect();
            let managers = self.directory.managers(&users).await.map_err(refusal)?;
            surroundings.managers = managers.into_iter().collect();
        }
        let columns = Columns::of_target(known(&selection.kind)?, &selection.attributes);
        let show = |object| columns.as_ref().map(|columns| columns.shape(object, &surroundings));
        Ok(objects.iter().filter_map(show).collect())
    }

    async fn one(&self, selection: &Selection, object: DirectoryObject) -> Result<Object> {
        let id = object.id;
        let shown = self.shown(selection, &[object]).await?;
        shown.into_iter().next().ok_or_else(|| gone(&anchor(id)))
    }

    async fn change_manager(&self, user: Uuid, change: &ReferenceChange) -> Result<()> {
        if let Some(manager) = change.added.first() {
            let manager = referred(&change.attribute, manager)?;
            let set = self.directory.set_manager(user, manager).await;
            return set.map_err(|error| reference_refusal(error, user, &change.attribute));
        }
        let managers = self.directory.related(RelationKind::Manager, user, None, 1).await.map_err(refusal)?;
        let unwanted = |manager: &Uuid| change.removed.contains(&anchor(*manager));
        if managers.iter().any(unwanted) {
            self.directory.remove_manager(user).await.map_err(refusal)?;
        }
        Ok(())
    }

    async fn change_members(&self, group: Uuid, change: &ReferenceChange) -> Result<()> {
        let ids = |anchors: &[Anchor]| -> Result<Vec<Uuid>> {
            anchors.iter().map(|one| referred(&change.attribute, one)).collect()
        };
        let (mut added, mut removed) = (ids(&change.added)?, ids(&change.removed)?);
        let named: Vec<Uuid> = added.iter().chain(&removed).copied().collect();
        let present = self.directory.memberships(&named, &[group], false).await.map_err(refusal)?;
        let is_member = |id: &Uuid| present.iter().any(|(member, _)| member == id);
        added.retain(|id| !is_member(id));
        removed.retain(is_member);
        let changed = self.directory.change_members(group, &added, &removed).await;
        changed.map_err(|error| reference_refusal(error, group, &change.attribute))
    }
}

#[async_trait]
impl Target for DirectoryTarget {
    fn capabilities(&self) -> &TargetCapabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<()> {
        self.directory.change_range().await.map(drop).map_err(refusal)
    }

    async fn discover(&self) -> Result<DirectoryDefinition> {
        discovered(&self.directory).await.map_err(refusal)
    }

    async fn find(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>> {
        let kind = known(&selection.kind)?;
        let property = property_of(kind, attribute)?;
        let query = ListQuery {
            kind,
            presence: Presence::Live,
            predicate: Some(Predicate::Compare(property, Comparison::Equal, json(value))),
            after: None,
            limit: FOUND,
        };
        let mut objects = self.directory.list(query).await.map_err(refusal)?;
        let names = [attribute.clone()];
        let columns = Columns::of_target(kind, &names);
        // The directory compares texts without regard to case, and looks at every element of a list.
        objects.retain(|object| {
            let shaped = columns.as_ref().map(|columns| columns.shape(object, &Surroundings::default()));
            shaped.is_some_and(|shaped| {
                let mut values = shaped.get(attribute).values().iter().map(ToString::to_string);
                let wanted = value.to_string();
                let same = |seen: String| {
                    seen == wanted || (!case_exact && seen.to_lowercase() == wanted.to_lowercase())
                };
                values.any(same)
            })
        });
        self.shown(selection, &objects).await
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        let kind = known(&selection.kind)?;
        let Ok(id) = Uuid::parse_str(anchor.as_str()) else { return Ok(None) };
        match self.directory.get(kind, id).await.map_err(refusal)? {
            Some(object) => self.one(selection, object).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        let kind = known(&selection.kind)?;
        let mut properties = Map::new();
        apply(kind, &mut properties, changes)?;
        let object = self.directory.create(kind, properties).await.map_err(refusal)?;
        self.one(selection, object).await
    }

    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>> {
        let kind = known(&selection.kind)?;
        let id = own(anchor)?;
        // What cannot be written is told before anything is, and then applied to what is there.
        apply(kind, &mut Map::new(), changes)?;
        let change = |properties: &mut Map<String, Json>| {
            // It was applied before, so it can be.
            let _ = apply(kind, properties, changes);
            Ok(())
        };
        let object = self.directory.modify(kind, id, None, change).await.map_err(refusal)?;
        self.one(selection, object).await.map(Some)
    }

    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let id = own(anchor)?;
        match (known(kind)?, change.attribute.as_str()) {
            (ObjectKind::User, MANAGER) => self.change_manager(id, change).await,
            (ObjectKind::Group, MEMBERS) => self.change_members(id, change).await,
            _ => Err(unknown(&change.attribute, kind)),
        }
    }

    async fn references(
        &self,
        kind: &Name,
        owner: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<Option<ReferencePage>> {
        let relation = match (known(kind)?, attribute.as_str()) {
            (ObjectKind::User, MANAGER) => RelationKind::Manager,
            (ObjectKind::Group, MEMBERS) => RelationKind::Member,
            _ => return Err(unknown(attribute, kind)),
        };
        let after = cursor.map(place).transpose()?;
        let related = self.directory.related(relation, own(owner)?, after, REFERENCES).await;
        let related = related.map_err(refusal)?;
        let next =
            related.last().filter(|_| related.len() >= REFERENCES).map(|last| Cursor(last.to_string()));
        Ok(Some(ReferencePage { references: related.into_iter().map(anchor).collect(), next }))
    }

    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        self.directory.delete(known(kind)?, own(anchor)?).await.map_err(refusal)
    }

    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage> {
        let kind = known(&selection.kind)?;
        let presence = Presence::Live;
        let total = match cursor {
            None => Some(self.directory.count(kind, presence, None).await.map_err(refusal)?),
            Some(_) => None,
        };
        let after = cursor.map(place).transpose()?;
        let query = ListQuery { kind, presence, predicate: None, after, limit: PAGE };
        let objects = self.directory.list(query).await.map_err(refusal)?;
        let next = objects.last().filter(|_| objects.len() >= PAGE).map(|last| Cursor(last.id.to_string()));
        Ok(TargetPage { objects: self.shown(selection, &objects).await?, next, total })
    }
}

fn place(cursor: &Cursor) -> Result<Uuid> {
    Uuid::parse_str(&cursor.0).map_err(|error| {
        let detail = format!("the page's cursor is not one of the embedded directory's: {error}");
        ConnectorError::new(ErrorClass::CursorRefused, detail)
    })
}

/// The id that the anchor of an account is. What is none cannot exist.
fn own(anchor: &Anchor) -> Result<Uuid> {
    Uuid::parse_str(anchor.as_str()).map_err(|_| gone(anchor))
}

fn gone(anchor: &Anchor) -> ConnectorError {
    ConnectorError::new(ErrorClass::NotFound, format!("the embedded directory has no object '{anchor}'"))
}

fn unknown(attribute: &Name, kind: &Name) -> ConnectorError {
    let detail = format!("{attribute} of {kind} is no reference that the embedded directory has");
    ConnectorError::new(ErrorClass::Invalid { attribute: Some(attribute.clone()) }, detail)
}

/// The id of an object that is referred to.
fn referred(attribute: &Name, anchor: &Anchor) -> Result<Uuid> {
    Uuid::parse_str(anchor.as_str()).map_err(|_| {
        let detail = format!("{attribute} cannot refer to '{anchor}', which is no object's id");
        ConnectorError::new(ErrorClass::Invalid { attribute: Some(attribute.clone()) }, detail)
    })
}

/// Why a reference was not changed: only its owner being gone is the account being gone.
fn reference_refusal(error: DirectoryError, owner: Uuid, attribute: &Name) -> ConnectorError {
    match error {
        DirectoryError::NotFound { ref id, .. } if *id != owner.to_string() => ConnectorError::new(
            ErrorClass::Invalid { attribute: Some(attribute.clone()) },
            format!("{attribute} cannot be changed: {error}"),
        ),
        other => refusal(other),
    }
}

/// Why the directory did not do something, as a connector's failure.
fn refusal(error: DirectoryError) -> ConnectorError {
    let detail = error.to_string();
    let class = match error {
        DirectoryError::NotFound { .. } | DirectoryError::Store(StoreError::NotFound { .. }) => {
            ErrorClass::NotFound
        }
        DirectoryError::Invalid { property, .. } => ErrorClass::Invalid { attribute: Some(property) },
        DirectoryError::Protected(_) => ErrorClass::Permanent,
        DirectoryError::Store(StoreError::Duplicate { .. }) => ErrorClass::Conflict,
        DirectoryError::Store(_) => ErrorClass::Retry { after: None },
    };
    ConnectorError::new(class, detail)
}
