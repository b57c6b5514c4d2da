//! A job that people are uploaded to.

use std::sync::Arc;

use connector::{Change, ChangePage, ChangeRequest, Configuration, Cursor, Result, Selection, Source as _};
use connector_inbound::InboundSource;
use model::secrets::Secrets;
use model::{Anchor, Name};
use serde_json::Value as Json;
use store::{SharedStore, Upload, UploadRange};
use store_sqlite::SqliteStore;
use testkit::store_suite::{Fixture, at};

pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) source: InboundSource,
}

impl World {
    pub(crate) async fn new() -> Self {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let fixture = Fixture::new(store.clone()).await;
        let source = InboundSource::new(store, fixture.job.clone());
        Self { fixture, source }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        Configuration {
            tenant: self.fixture.tenant,
            service_principal: self.fixture.owner,
            job: Some(self.fixture.job.clone()),
            secrets: Secrets::new(),
            settings: Vec::new(),
            nested_groups: false,
        }
    }

    pub(crate) async fn upload(&self, anchor: &str, resource: Json) -> UploadRange {
        let Json::Object(resource) = resource else { panic!("{resource} is no object") };
        let uploads = vec![Upload { anchor: Anchor::new(anchor), resource }];
        self.fixture.store.put_uploads(&self.fixture.job, at(9), uploads).await.unwrap()
    }

    pub(crate) async fn page(&self, cursor: Option<&Cursor>, page_size: usize) -> Result<ChangePage> {
        let selections = [selection(&["userName"])];
        self.source.changes(ChangeRequest { selections: &selections, cursor, page_size }).await
    }

    /// Reads to the end; what was yielded as `externalId=userName`, and the last cursor.
    pub(crate) async fn follow(&self, cursor: Option<Cursor>, page_size: usize) -> (Vec<String>, Cursor) {
        let (mut seen, mut cursor) = (Vec::new(), cursor);
        loop {
            let page = self.page(cursor.as_ref(), page_size).await.unwrap();
            assert!(page.changes.len() <= page_size);
            seen.extend(page.changes.iter().map(shown));
            if !page.more {
                return (seen, page.cursor);
            }
            cursor = Some(page.cursor);
        }
    }
}

pub(crate) fn selection(attributes: &[&str]) -> Selection {
    Selection {
        kind: "User".into(),
        attributes: attributes.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    }
}

fn shown(change: &Change) -> String {
    let Change::Upsert(person) = change else { panic!("{change:?} is no person") };
    format!("{}={}", person.object.anchor, person.object.get("userName"))
}
