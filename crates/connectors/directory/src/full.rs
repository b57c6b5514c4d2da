//! Full reads: every selected type by rising id, the bin included.

use connector::{Change, ChangePage, ChangeRequest, Result, Selection};
use directory::{ListQuery, ObjectKind, Presence};

use crate::cursor::{FullRead, Position, refused};
use crate::definition::kind_of;
use crate::source::{DirectorySource, trouble};

impl DirectorySource {
    /// The next page, whatever the cursor stands for.
    pub(crate) async fn page(&self, request: ChangeRequest<'_>) -> Result<ChangePage> {
        let ChangeRequest { selections, cursor, .. } = request;
        let page_size = request.page_size.max(1);
        let Some(cursor) = cursor else {
            let position = self.begin(selections).await?;
            return self.full_page(selections, position, page_size).await;
        };
        let position = Position::read(cursor, &self.basis())?;
        if position.full.is_some() {
            return self.full_page(selections, position, page_size).await;
        }
        self.increment(selections, position, cursor, page_size).await
    }

    /// The position before the first page of a full read. The feed's number is taken first, so that whatever changes
    /// while the read goes on is yielded by the increment after it.
    async fn begin(&self, selections: &[Selection]) -> Result<Position> {
        let (number, _) = self.directory.change_range().await.map_err(trouble)?;
        let roles = self.roles_fingerprint(selections).await?;
        let mut total = 0;
        for kind in selections.iter().filter_map(|selection| kind_of(&selection.kind)) {
            total += self.directory.count(kind, Presence::Any, None).await.map_err(trouble)?;
        }
        Ok(Position {
            number,
            basis: self.basis(),
            roles,
            full: Some(FullRead { selection: 0, after: None, total }),
            work: Vec::new(),
            followed: Vec::new(),
            hidden: Vec::new(),
            wary: 0,
        })
    }

    async fn full_page(
        &self,
        selections: &[Selection],
        mut position: Position,
        page_size: usize,
    ) -> Result<ChangePage> {
        let Some(mut full) = position.full.take() else {
            return Err(refused("the cursor is of no full read"));
        };
        let total = Some(full.total);
        let mut changes = Vec::new();
        while let Some(selection) = selections.get(full.selection) {
            let kind = kind_of(&selection.kind).unwrap_or(ObjectKind::User);
            let query = ListQuery {
                kind,
                presence: Presence::Any,
                predicate: None,
                after: full.after,
                limit: page_size,
            };
            let objects = self.directory.list(query).await.map_err(trouble)?;
            if objects.len() < page_size {
                full.selection += 1;
                full.after = None;
            } else {
                full.after = objects.last().map(|object| object.id);
            }
            if !objects.is_empty() {
                let shown = self.shown(selections, &objects).await?;
                changes.extend(shown.into_iter().map(Change::Upsert));
                break;
            }
        }
        let more = full.selection < selections.len();
        position.full = more.then_some(full);
        Ok(ChangePage { changes, cursor: position.cursor()?, more, total })
    }
}
