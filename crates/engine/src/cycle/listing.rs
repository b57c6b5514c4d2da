//! The pages of a target's list. The next ones are asked for while one is worked on.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use connector::{ConnectorError, Cursor, ErrorClass, Selection, TargetPage};
use model::{FailureCode, Name, Object};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::Prepared;
use super::send::{Repeat, SendError, send};
use crate::services::Services;
use crate::stop::Stop;

/// Pages that are read ahead of whoever works on them.
const AHEAD: usize = 4;
/// Pages in a row that may bring nothing new. What moves while it is listed may be told twice, but no list goes on so.
const MOST_REPEATED: usize = 100;

/// All objects of a target's type, page by page. Dropping it ends the reading.
pub(crate) struct Listing {
    kind: Name,
    pages: Receiver<Result<TargetPage, SendError>>,
    reading: JoinHandle<()>,
    /// True once the last page came.
    ended: bool,
    /// The objects that were listed, as hashes of their anchors under a key of this process.
    seen: HashSet<u64>,
    hashes: RandomState,
    repeated: usize,
}

/// A page of a list.
pub(crate) struct Listed {
    /// The objects that were not listed before.
    pub(crate) new: Vec<Object>,
    /// Those that were, as they are now.
    pub(crate) again: Vec<Object>,
}

impl Listing {
    pub(crate) fn begin(services: &Services, prepared: &Prepared, stop: &Stop, selection: Selection) -> Self {
        let (sender, pages) = channel(AHEAD);
        let (services, stop) = (services.clone(), stop.clone());
        let (target, pace) = (prepared.target.clone(), prepared.pace.clone());
        let kind = selection.kind.clone();
        let reading = tokio::spawn(async move {
            let mut cursor: Option<Cursor> = None;
            loop {
                let request = || target.list(&selection, cursor.as_ref());
                let page = send(&services, &pace, &stop, Repeat::Freely, request).await;
                cursor = page.as_ref().ok().and_then(|page| page.next.clone());
                if sender.send(page).await.is_err() || cursor.is_none() {
                    return;
                }
            }
        });
        let (seen, hashes) = (HashSet::new(), RandomState::new());
        Self { kind, pages, reading, ended: false, seen, hashes, repeated: 0 }
    }

    /// The next page; none after the last.
    pub(crate) async fn page(&mut self) -> Result<Option<Listed>, SendError> {
        let page = match self.pages.recv().await {
            Some(page) => page?,
            None if self.ended => return Ok(None),
            None => {
                return Err(broken(format!("the reading of the target's list of {} broke off", self.kind)));
            }
        };
        self.ended = page.next.is_none();
        let is_new = |object: &Object| self.seen.insert(self.hashes.hash_one(object.anchor.as_str()));
        let (new, again): (Vec<_>, Vec<_>) = page.objects.into_iter().partition(is_new);
        self.repeated = if new.is_empty() { self.repeated + 1 } else { 0 };
        if self.repeated >= MOST_REPEATED && !self.ended {
            return Err(broken(format!(
                "the target's list of {} does not end: {} pages in a row had no object that was not listed before; \
                 correct how the target pages",
                self.kind, self.repeated
            )));
        }
        Ok(Some(Listed { new, again }))
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

fn broken(words: String) -> SendError {
    SendError::Target(
        ConnectorError::new(ErrorClass::Permanent, words).code(FailureCode::ServiceIncompatible),
    )
}
