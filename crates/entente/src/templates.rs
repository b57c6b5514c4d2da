//! The templates that ship with the binary.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use directory::CUSTOM_APPLICATION_TEMPLATE;
use graph::directory::ApplicationTemplate;
use graph::synchronization::SynchronizationTemplate;
use model::template::Template;
use serde_json::Value as Json;

/// Name and text of every template; the name is the file's.
const FILES: [(&str, &str); 2] = [
    ("scim", include_str!("../../../templates/scim.json")),
    ("customappsso", include_str!("../../../templates/customappsso.json")),
];

/// Reads the templates.
pub(crate) fn shipped() -> Result<Vec<Template>> {
    FILES.into_iter().map(|(name, text)| parse(text).with_context(|| format!("template {name}"))).collect()
}

/// What applications can be made from.
pub(crate) fn applications() -> Vec<ApplicationTemplate> {
    vec![ApplicationTemplate {
        id: CUSTOM_APPLICATION_TEMPLATE.to_owned(),
        display_name: "Custom".to_owned(),
        home_page_url: None,
        supported_single_sign_on_modes: Vec::new(),
        supported_provisioning_types: vec!["sync".to_owned()],
        logo_url: None,
        categories: Vec::new(),
        publisher: None,
        description: Some("Any application that speaks SCIM 2.0".to_owned()),
    }]
}

fn parse(text: &str) -> Result<Template> {
    let template: SynchronizationTemplate = serde_json::from_str(text)?;
    let connectors = template.extra.get("connectors").cloned().unwrap_or(Json::Null);
    let connectors: BTreeMap<String, model::Name> =
        serde_json::from_value(connectors).context("connectors names the connector of each directory")?;
    Ok(Template {
        id: template.id.into(),
        application_id: template.application_id.context("applicationId is missing")?,
        description: template.description,
        discoverable: template.discoverable,
        factory_tag: template.factory_tag.unwrap_or_default(),
        default: template.default,
        connectors,
        schema: template.schema.context("schema is missing")?,
    })
}

#[cfg(test)]
mod tests;
