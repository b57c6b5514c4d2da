//! The target: what the engine asks, put to the service.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    ChangeSet, ConnectorError, Cursor, ErrorClass, ReferenceChange, ReferencePage, Result, Selection, Target,
    TargetCapabilities, TargetPage, TypeCapabilities,
};
use model::schema::DirectoryDefinition;
use model::{Anchor, Entropy, FailureCode, Name, Object, Value};
use scim::Path;
use scim::build::PatchProfile;
use scim::message::ListResponse;
use scim::schema::{ENTERPRISE_USER, GROUP, USER};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::configuration::{Quirks, ScimConfiguration};
use crate::discovery::{self, Service};
use crate::recent::Recent;

/// A SCIM service as a target.
pub struct ScimTarget {
    pub(crate) client: Client,
    pub(crate) patch_profile: PatchProfile,
    pub(crate) page_size: u64,
    pub(crate) quirks: Quirks,
    capabilities: TargetCapabilities,
    entropy: Arc<dyn Entropy>,
    service: OnceCell<Service>,
    pub(crate) recent: Recent,
}

impl ScimTarget {
    pub(crate) fn new(client: Client, configuration: &ScimConfiguration, entropy: Arc<dyn Entropy>) -> Self {
        let types = [(USER, true), (ENTERPRISE_USER, true), ("User", true), (GROUP, false), ("Group", false)];
        let types = types.map(|(kind, soft_delete)| TypeCapabilities {
            kind: kind.into(),
            soft_delete: soft_delete && configuration.quirks.soft_delete,
            list: configuration.quirks.listing,
            reference_chunk: configuration.member_chunk_size,
        });
        Self {
            client,
            patch_profile: configuration.patch_profile,
            page_size: configuration.page_size,
            quirks: configuration.quirks.clone(),
            capabilities: TargetCapabilities { types: types.to_vec() },
            entropy,
            service: OnceCell::new(),
            recent: Recent::default(),
        }
    }

    /// What the service says about itself, asked for once.
    pub(crate) async fn service(&self) -> Result<&Service> {
        let discover = || async {
            let mut service = Service::discover(&self.client).await?;
            service.patch &= self.quirks.patch;
            Ok(service)
        };
        self.service.get_or_try_init(discover).await
    }
}

/// The path that an attribute's name is.
pub(crate) fn path_of(attribute: &Name) -> Result<Path> {
    attribute.parse().map_err(|error| {
        let detail = format!("the target attribute {attribute} is no SCIM path: {error}");
        ConnectorError::new(ErrorClass::Invalid { attribute: Some(attribute.clone()) }, detail)
            .code(FailureCode::SchemaAttributeNotFound)
    })
}

#[async_trait]
impl Target for ScimTarget {
    fn capabilities(&self) -> &TargetCapabilities {
        &self.capabilities
    }

    /// Looks for a user that cannot exist and expects an empty list, or at least a list.
    async fn check(&self) -> Result<()> {
        let filter = format!("userName eq \"{}\"", self.entropy.uuid());
        let endpoint = "/Users";
        let answer = self.client.get(self.client.url(endpoint, None, &[("filter", &filter)])?).await?;
        if answer.status == reqwest::StatusCode::FORBIDDEN {
            return Err(ConnectorError { class: ErrorClass::Unauthorized, ..answer.refused() });
        }
        if answer.status == reqwest::StatusCode::NOT_FOUND {
            return Err(answer.incompatible("where a list of users was expected; correct BaseAddress"));
        }
        let _: ListResponse = answer.granted()?.json("a list of users")?;
        Ok(())
    }

    async fn discover(&self) -> Result<DirectoryDefinition> {
        discovery::definition(&self.client).await
    }

    async fn find(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>> {
        self.find_objects(selection, attribute, value, case_exact).await
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        self.read_object(selection, anchor).await
    }

    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        self.create_object(selection, changes).await
    }

    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>> {
        self.update_object(selection, anchor, changes).await
    }

    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        self.change_references(kind, anchor, change).await
    }

    async fn references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
        _: Option<&Cursor>,
    ) -> Result<Option<ReferencePage>> {
        self.read_references(kind, anchor, attribute).await.map(Some)
    }

    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        self.delete_object(kind, anchor).await
    }

    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage> {
        self.list_objects(selection, cursor).await
    }
}
