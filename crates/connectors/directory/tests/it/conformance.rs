//! What holds of every source, and of every target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::Source;
use connector_directory::{DirectorySource, DirectoryTarget};
use directory::ObjectKind;
use model::{Anchor, Name, Uuid};
use testkit::connector_suite::{sources, targets};

use crate::world::{TENANT, World, anchor};

/// A directory in which users are known by names of the suite.
struct People {
    world: World,
    source: DirectorySource,
    ids: Mutex<HashMap<String, Uuid>>,
}

#[async_trait]
impl sources::Subject for People {
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
        let known = self.ids.lock().unwrap().get(name).copied();
        let id = match known {
            Some(id) => id,
            None => self.world.user(&format!("user{}", self.ids.lock().unwrap().len())).await,
        };
        self.ids.lock().unwrap().insert(name.to_owned(), id);
        self.world.rename(id, text).await;
        anchor(id)
    }

    async fn remove(&self, anchor: &Anchor) -> bool {
        let id: Uuid = anchor.as_str().parse().unwrap();
        self.world.tenant.delete(ObjectKind::User, id).await.unwrap();
        self.world.tenant.purge(id).await.unwrap();
        true
    }

    async fn forget(&self) -> bool {
        let (newest, _) = self.world.tenant.change_range().await.unwrap();
        let moment = "2026-03-01T00:00:00Z".parse().unwrap();
        self.world.store.mark_changes(TENANT, moment).await.unwrap();
        self.world.store.trim_changes(TENANT, newest, moment).await.unwrap();
        true
    }
}

#[tokio::test]
async fn the_suite_of_sources_holds() {
    let world = World::new().await;
    let source = world.everybody();
    sources::every_behaviour(&People { world, source, ids: Mutex::default() }).await;
}

#[tokio::test]
async fn the_suite_of_targets_holds() {
    let world = World::new().await;
    let subject = targets::Subject {
        target: Arc::new(DirectoryTarget::new(world.tenant.clone())),
        kind: "User".into(),
        account: |name| {
            vec![
                ("accountEnabled", true.into()),
                ("displayName", name.into()),
                ("mailNickname", name.into()),
                ("userPrincipalName", format!("{name}@example.com").into()),
            ]
        },
        key: "userPrincipalName".into(),
        text: "jobTitle".into(),
        several: Some("otherMails".into()),
        reference: Some("manager".into()),
        groups: Some((
            "Group".into(),
            |name| {
                vec![
                    ("displayName", name.into()),
                    ("mailNickname", name.into()),
                    ("mailEnabled", false.into()),
                    ("securityEnabled", true.into()),
                ]
            },
            "members".into(),
        )),
        typed: true,
        crowd: 501,
    };
    targets::every_behaviour(&subject).await;
}
