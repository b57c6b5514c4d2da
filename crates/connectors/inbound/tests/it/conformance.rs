//! What holds of every source.

use async_trait::async_trait;
use connector::Source;
use model::{Anchor, Name};
use serde_json::json;
use testkit::connector_suite::sources::{Subject, every_behaviour};

use crate::world::World;

#[async_trait]
impl Subject for World {
    fn source(&self) -> &dyn Source {
        &self.source
    }

    fn kind(&self) -> Name {
        "User".into()
    }

    fn text(&self) -> Name {
        "displayName".into()
    }

    async fn put(&self, name: &str, text: &str) -> Anchor {
        self.upload(name, json!({"displayName": text})).await;
        Anchor::new(name)
    }

    async fn remove(&self, _anchor: &Anchor) -> bool {
        false
    }

    async fn forget(&self) -> bool {
        self.fixture.store.clear_uploads(&self.fixture.job).await.unwrap();
        true
    }
}

#[tokio::test]
async fn the_suite_of_sources_holds() {
    every_behaviour(&World::new().await).await;
}
