//! Changing references: members and managers.

use connector::{ConnectorError, ErrorClass, ReferenceChange, ReferencePage, Result};
use model::schema::AttributeType;
use model::{Anchor, FailureCode, Name, Value};
use reqwest::StatusCode;
use scim::ScimType;
use scim::build::{Edit, EditKind, PatchProfile, read_path};
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::discovery::Kind;
use crate::target::{ScimTarget, path_of};
use crate::wire::Reading;

impl ScimTarget {
    /// All values of a reference attribute: the protocol has no pages for them.
    pub(crate) async fn read_references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
    ) -> Result<ReferencePage> {
        let service = self.service().await?;
        let kind = service.kind(kind)?;
        let path = path_of(attribute)?;
        let (resource, _) = self.resource(kind, anchor, true).await?;
        let values = read_path(&resource, &path, Some(AttributeType::Reference), &kind.schema);
        let references = values.values().iter().filter_map(|one| one.as_reference().cloned()).collect();
        Ok(ReferencePage { references, next: None })
    }

    pub(crate) async fn change_references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        change: &ReferenceChange,
    ) -> Result<()> {
        let service = self.service().await?;
        let kind = service.kind(kind)?;
        if !service.patch {
            return self.replace(kind, anchor, &edits(self.patch_profile, change)?).await.map(drop);
        }
        let changed = self.patch_references(kind, anchor, change).await;
        match changed {
            // Some services say "not found" of an object that is referred to.
            Err(error)
                if error.class == ErrorClass::NotFound
                    && self.resource(kind, anchor, false).await.is_ok() =>
            {
                let class = ErrorClass::Invalid { attribute: Some(change.attribute.clone()) };
                Err(ConnectorError { class, ..error }.code(FailureCode::UnprocessableEntity))
            }
            other => other,
        }
    }

    /// Adding what is there and removing what is not succeeds: where the service objects to the latter, every removal
    /// is tried for itself.
    async fn patch_references(&self, kind: &Kind, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let edits = edits(self.patch_profile, change)?;
        let Some(answer) = self.patch(kind, anchor, &edits, Reading::Verdict).await? else { return Ok(()) };
        if !is_no_target(&answer) || change.removed.is_empty() {
            return self.granted_patch(answer, &edits).map(drop);
        }
        self.change_one_by_one(kind, anchor, change).await
    }

    /// Gives members the address of the user in `$ref`, where the service wants it.
    pub(crate) fn add_member_references(&self, members: &mut Json) {
        if !self.quirks.member_references {
            return;
        }
        for member in members.as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
            let id = member.get("value").and_then(Json::as_str);
            if member.get("$ref").is_none_or(Json::is_null)
                && let Some(url) = id.and_then(|id| self.client.url("/Users", Some(id), &[]).ok())
            {
                member.insert("$ref".to_owned(), url.as_str().into());
            }
        }
    }

    async fn change_one_by_one(&self, kind: &Kind, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let mut added = change.clone();
        added.removed.clear();
        let edits_of = |change: &ReferenceChange| edits(self.patch_profile, change);
        if let Some(answer) = self.patch(kind, anchor, &edits_of(&added)?, Reading::Verdict).await? {
            answer.granted()?;
        }
        for removed in change.removed.iter().filter(|_| change.multivalued || change.added.is_empty()) {
            let one = ReferenceChange { added: Vec::new(), removed: vec![removed.clone()], ..change.clone() };
            match self.patch(kind, anchor, &edits_of(&one)?, Reading::Verdict).await? {
                Some(answer) if !is_no_target(&answer) => answer.granted().map(drop)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// True where the service says that what should go is not there.
fn is_no_target(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_REQUEST && answer.scim_type() == Some(&ScimType::NoTarget)
}

fn edits(profile: PatchProfile, change: &ReferenceChange) -> Result<Vec<Edit>> {
    let path = path_of(&change.attribute)?;
    let references = |anchors: &[Anchor]| Value::list(anchors.iter().cloned().map(Value::Reference));
    let edit = |kind: EditKind, exists: bool| Edit { path: path.clone(), kind, exists };
    Ok(if change.multivalued {
        vec![
            edit(EditKind::Remove(references(&change.removed)), true),
            edit(EditKind::Add(references(&change.added)), true),
        ]
    } else {
        let value = change.added.last().cloned().map_or(Value::Null, Value::Reference);
        // Replacing works whether or not a reference is there; Entra adds the first one.
        let exists = !profile.is_entra() || !change.removed.is_empty() || change.added.is_empty();
        vec![edit(EditKind::Set(value), exists)]
    })
}
