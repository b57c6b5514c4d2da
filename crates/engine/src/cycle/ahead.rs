//! Reading the next page of the source while the present one is worked on.
//!
//! A cursor says where a page begins, whatever came of the page before: reading early shows objects as they are a little
//! earlier, and what changes afterwards stands in the pages of a later cursor.

use connector::{ChangePage, ChangeRequest, ConnectorError, Cursor, ErrorClass};
use tokio::task::JoinHandle;

use super::Prepared;

/// Changes of a page, unless the source prefers fewer.
const PAGE: usize = 1000;

/// A page that is being read. Dropping it ends the reading.
pub(crate) struct Ahead(JoinHandle<connector::Result<ChangePage>>);

impl Ahead {
    /// Begins to read the page of a cursor.
    pub(crate) fn read(prepared: &Prepared, cursor: Option<Cursor>) -> Self {
        let (source, selections) = (prepared.source.clone(), prepared.selections.clone());
        Self(tokio::spawn(async move {
            let page_size = match source.capabilities().page_size {
                0 => PAGE,
                preferred => preferred.min(PAGE),
            };
            let request = ChangeRequest { selections: &selections, cursor: cursor.as_ref(), page_size };
            source.changes(request).await
        }))
    }

    /// The page.
    pub(crate) async fn page(mut self) -> connector::Result<ChangePage> {
        match (&mut self.0).await {
            Ok(page) => page,
            Err(error) => {
                let words = format!("reading the source broke off: {error}");
                Err(ConnectorError::new(ErrorClass::Permanent, words))
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}
