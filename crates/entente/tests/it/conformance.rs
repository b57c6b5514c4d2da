//! The SCIM connector on Entente's own SCIM service: what holds of every target.

use std::sync::Arc;

use connector::{Configuration, Factory as _};
use connector_scim::ScimFactory;
use model::{ServicePrincipalId, SystemClock, SystemEntropy, TenantId, Uuid};
use testkit::connector_suite::targets::{Subject, every_behaviour};

use crate::graph::World;

#[tokio::test]
async fn the_suite_of_targets_holds_of_the_own_scim_service() {
    let world = World::start(&[]);
    let secrets =
        [("BaseAddress", format!("{}/scim/v2", world.address())), ("SecretToken", world.token().await)];
    let configuration = Configuration {
        tenant: TenantId(Uuid::nil()),
        service_principal: ServicePrincipalId(Uuid::nil()),
        job: None,
        secrets: secrets.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        settings: vec![("PageSize".to_owned(), "5".to_owned())],
        nested_groups: false,
    };
    let factory = ScimFactory::new(Arc::new(SystemClock), Arc::new(SystemEntropy));
    let subject = Subject {
        target: factory.target(&configuration).await.unwrap(),
        kind: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".into(),
        account: |name| {
            vec![("userName", format!("{name}@entente.example").into()), ("displayName", name.into())]
        },
        key: "userName".into(),
        text: "title".into(),
        several: None,
        reference: Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager".into()),
        groups: Some((
            "urn:ietf:params:scim:schemas:core:2.0:Group".into(),
            |name| vec![("displayName", name.into())],
            "members".into(),
        )),
        typed: false,
        crowd: 12,
    };
    every_behaviour(&subject).await;
}
