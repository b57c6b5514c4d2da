//! The templates that ship with the binary.

use anyhow::{Context as _, Result};
use directory::CUSTOM_APPLICATION_TEMPLATE;
use graph::directory::ApplicationTemplate;
use model::template::Template;

/// Name and text of every template; the name is the file's.
const FILES: [(&str, &str); 3] = [
    ("scim", include_str!("../../../templates/scim.json")),
    ("customappsso", include_str!("../../../templates/customappsso.json")),
    ("API2AAD", include_str!("../../../templates/API2AAD.json")),
];

/// The application template of applications that people are uploaded to. Ours: the gallery's is not published.
const UPLOADS: &str = "e47e47e0-0000-4000-8000-00000a912aad";

/// Reads the templates.
pub(crate) fn shipped() -> Result<Vec<Template>> {
    FILES
        .into_iter()
        .map(|(name, text)| serde_json::from_str(text).with_context(|| format!("template {name}")))
        .collect()
}

/// What applications can be made from.
pub(crate) fn applications() -> Vec<ApplicationTemplate> {
    [
        (CUSTOM_APPLICATION_TEMPLATE, "Custom", "Any application that speaks SCIM 2.0"),
        (
            UPLOADS,
            "API-driven provisioning to Microsoft Entra ID",
            "Users that clients upload with bulkUpload",
        ),
    ]
    .map(|(id, name, description)| ApplicationTemplate {
        id: id.to_owned(),
        display_name: name.to_owned(),
        home_page_url: None,
        supported_single_sign_on_modes: Vec::new(),
        supported_provisioning_types: vec!["sync".to_owned()],
        logo_url: None,
        categories: Vec::new(),
        publisher: None,
        description: Some(description.to_owned()),
    })
    .to_vec()
}

#[cfg(test)]
mod tests;
