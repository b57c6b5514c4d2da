//! The connector against a real SCIM server, and against a scripted one that breaks the rules.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod conformance;
mod entra;
mod failures;
mod fake;
mod lists;
mod live;
mod oauth;
mod odd;
mod requests;
mod roles;

use std::sync::Arc;

use connector::{AttributeChange, ChangeKind, ChangeSet, Configuration, Factory as _, Selection, Target};
use connector_scim::ScimFactory;
use model::{Anchor, ServicePrincipalId, SystemClock, SystemEntropy, TenantId, Uuid, Value};

/// The object types of the templates.
const USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The token that targets made here send.
const TOKEN: &str = testkit::rig::Scim2Server::TOKEN;

fn configuration(base: &str, settings: &[(&str, &str)]) -> Configuration {
    let secrets = [("BaseAddress", base), ("SecretToken", TOKEN)];
    Configuration {
        tenant: TenantId(Uuid::nil()),
        service_principal: ServicePrincipalId(Uuid::nil()),
        job: None,
        secrets: secrets.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        nested_groups: false,
    }
}

async fn built(configuration: &Configuration) -> Arc<dyn Target> {
    let factory = ScimFactory::new(Arc::new(SystemClock), Arc::new(SystemEntropy));
    factory.validate_target(configuration).unwrap();
    factory.target(configuration).await.unwrap()
}

async fn target(base: &str) -> Arc<dyn Target> {
    built(&configuration(base, &[])).await
}

fn selection(kind: &str, attributes: &[&str]) -> Selection {
    Selection {
        kind: kind.into(),
        attributes: attributes.iter().map(|name| (*name).into()).collect(),
        ..Selection::default()
    }
}

/// A change set of (attribute, what the target shows, what it shall show).
fn changes(changes: &[(&str, Value, Value)]) -> ChangeSet {
    let change = |(attribute, old, new): &(&str, Value, Value)| AttributeChange {
        attribute: (*attribute).into(),
        kind: ChangeKind::Set,
        old: old.clone(),
        new: new.clone(),
        redacted: false,
    };
    ChangeSet { changes: changes.iter().map(change).collect() }
}

/// A change set for a new object.
fn values(values: &[(&str, Value)]) -> ChangeSet {
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, Value::Null, value.clone())).collect();
    changes(&values)
}

fn reference(anchor: &Anchor) -> Value {
    Value::Reference(anchor.clone())
}
