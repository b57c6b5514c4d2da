//! The SCIM 2.0 service `/scim/v2` on the embedded directory (RFC 7643, RFC 7644, RFC 9865).
//!
//! A SCIM resource is another look at a directory object: [`mapping`] says, as one table, which attribute stands in
//! which Graph property, and keeps the rest beside them, so that both APIs show each other's changes at once and a
//! client reads back all it wrote. Members and managers are the directory's relations.
//!
//! How a request goes: [`frame`] signs the caller in and reads the body within its limit, [`routes`] finds the handler,
//! [`users`], [`groups`] and [`resources`] change and read, [`list`] answers queries page by page, and [`view`] shows
//! what the request asked for. `Bulk` sends its operations through the same routes.

mod authenticate;
mod bulk;
mod call;
mod candidates;
mod discovery;
mod failure;
mod frame;
mod groups;
mod intake;
mod kind;
mod list;
mod mapping;
mod matching;
mod members;
mod membership;
mod places;
mod reply;
mod resources;
mod routes;
mod tag;
mod users;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::routing::any;
use model::TenantId;
use tokio::sync::Semaphore;

use crate::Service;
use crate::auth::TenantTokens;
use crate::graph::Api;
use failure::{Failure, Result};
use places::Places;

/// The path that the service is at.
pub(crate) const BASE: &str = "/scim/v2";

/// How many lists may look at all resources of a type at the same time.
const SCANS: usize = 2;

/// The SCIM service of an installation.
struct Scim {
    api: Arc<Api>,
    tokens: TenantTokens,
    places: Places,
    /// Room for lists that look at all resources of a type, so that they leave the machine to others.
    scans: Semaphore,
    /// Domains of tenants, which never change.
    domains: Mutex<HashMap<TenantId, Arc<str>>>,
}

/// The routes of the service.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let scim = Scim {
        api,
        tokens: TenantTokens::default(),
        places: Places::default(),
        scans: Semaphore::new(SCANS),
        domains: Mutex::default(),
    };
    Router::new()
        .route(BASE, any(frame::answer))
        .route(&format!("{BASE}/"), any(frame::answer))
        .route(&format!("{BASE}/{{*path}}"), any(frame::answer))
        .with_state(Arc::new(scim))
}

impl Scim {
    fn service(&self) -> &Service {
        self.api.service()
    }

    /// The domain of a tenant.
    async fn domain(&self, tenant: TenantId) -> Result<Arc<str>> {
        if let Some(domain) = self.domains.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant) {
            return Ok(Arc::clone(domain));
        }
        let found = self.service().store.tenant(tenant).await?;
        let found = found.ok_or_else(|| Failure::new(401, "The token's tenant does not exist."))?;
        let domain: Arc<str> = found.domain.into();
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        domains.insert(tenant, Arc::clone(&domain));
        Ok(domain)
    }
}
