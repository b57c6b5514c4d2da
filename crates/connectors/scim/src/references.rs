//! Changing references: members and managers.

use connector::{ConnectorError, ErrorClass, ReferenceChange, Result};
use model::{Anchor, FailureCode, Name, Value};
use reqwest::StatusCode;
use scim::ScimType;
use scim::build::{Edit, EditKind};

use crate::answer::Answer;
use crate::discovery::Kind;
use crate::target::{ScimTarget, path_of};

impl ScimTarget {
    pub(crate) async fn change_references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        change: &ReferenceChange,
    ) -> Result<()> {
        let service = self.service().await?;
        let kind = service.kind(kind)?;
        if !service.patch {
            return self.replace(kind, anchor, edits(change)?).await.map(drop);
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
        let Some(answer) = self.patch(kind, anchor, &edits(change)?).await? else { return Ok(()) };
        if !is_no_target(&answer) || change.removed.is_empty() {
            return answer.granted().map(drop);
        }
        self.change_one_by_one(kind, anchor, change).await
    }

    async fn change_one_by_one(&self, kind: &Kind, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let mut added = change.clone();
        added.removed.clear();
        if let Some(answer) = self.patch(kind, anchor, &edits(&added)?).await? {
            answer.granted()?;
        }
        for removed in change.removed.iter().filter(|_| change.multivalued || change.added.is_empty()) {
            let one = ReferenceChange { added: Vec::new(), removed: vec![removed.clone()], ..change.clone() };
            match self.patch(kind, anchor, &edits(&one)?).await? {
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

fn edits(change: &ReferenceChange) -> Result<Vec<Edit>> {
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
        // Whether a reference is there is not known here; replacing works either way.
        vec![edit(EditKind::Set(value), true)]
    })
}
