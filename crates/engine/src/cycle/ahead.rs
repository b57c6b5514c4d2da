//! Reading the next page of the source while the present one is worked on.
//!
//! A cursor says where a page begins, whatever came of the page before: reading early shows objects as they are a little
//! earlier, and what changes afterwards stands in the pages of a later cursor.

use std::time::Duration;

use connector::{ChangePage, ChangeRequest, ConnectorError, Cursor, ErrorClass};
use model::Entropy;
use tokio::task::JoinHandle;

use super::Prepared;
use crate::pace::backoff;
use crate::services::Services;

/// Changes of a page, unless the source prefers fewer.
const PAGE: usize = 1000;

/// How often a page is asked for while the trouble may pass by itself.
const ATTEMPTS: u32 = 4;

/// A page that is being read. Dropping it ends the reading.
pub(crate) struct Ahead(JoinHandle<connector::Result<ChangePage>>);

impl Ahead {
    /// Begins to read the page of a cursor.
    pub(crate) fn read(services: &Services, prepared: &Prepared, cursor: Option<Cursor>) -> Self {
        let (source, selections) = (prepared.source.clone(), prepared.selections.clone());
        let entropy = services.entropy.clone();
        Self(tokio::spawn(async move {
            let page_size = match source.capabilities().page_size {
                0 => PAGE,
                preferred => preferred.min(PAGE),
            };
            let request = ChangeRequest { selections: &selections, cursor: cursor.as_ref(), page_size };
            let mut attempts = 0;
            loop {
                let page = source.changes(request).await;
                attempts += 1;
                match &page {
                    Err(error) if attempts < ATTEMPTS => match wait(&error.class, attempts, &*entropy) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => return page,
                    },
                    _ => return page,
                }
            }
        }))
    }

    /// The page, to be taken once.
    pub(crate) async fn page(&mut self) -> connector::Result<ChangePage> {
        match (&mut self.0).await {
            Ok(page) => page,
            Err(error) => {
                let words = format!("reading the source broke off: {error}");
                Err(ConnectorError::new(ErrorClass::Permanent, words))
            }
        }
    }
}

/// How long to wait before a page is asked for again; none where that would not help.
fn wait(class: &ErrorClass, attempts: u32, entropy: &dyn Entropy) -> Option<Duration> {
    match class {
        ErrorClass::Throttled { after } | ErrorClass::Retry { after } => {
            Some(after.unwrap_or_else(|| backoff(attempts, entropy)))
        }
        _ => None,
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}
