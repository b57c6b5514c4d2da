//! The templates that ship with the binary.

use anyhow::{Context as _, Result};
use directory::CUSTOM_APPLICATION_TEMPLATE;
use graph::directory::ApplicationTemplate;
use model::template::Template;

/// Name and text of every template; the name is the file's.
const FILES: [(&str, &str); 2] = [
    ("scim", include_str!("../../../templates/scim.json")),
    ("customappsso", include_str!("../../../templates/customappsso.json")),
];

/// Reads the templates.
pub(crate) fn shipped() -> Result<Vec<Template>> {
    FILES
        .into_iter()
        .map(|(name, text)| serde_json::from_str(text).with_context(|| format!("template {name}")))
        .collect()
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

#[cfg(test)]
mod tests;
