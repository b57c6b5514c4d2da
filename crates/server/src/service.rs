//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use ::graph::directory::ApplicationTemplate;
use directory::Directory;
use engine::Engine;
use model::{Clock, Entropy};
use serde_json::Value as Json;
use store::{AuditRecord, SharedStore};

use crate::auth::{Caller, ClientSecrets, OutsideIssuers, TokenAuthority};

/// What is taken from outside, at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of a request's body, unless its route says otherwise.
    pub body: usize,
    /// How long a request may take.
    pub time: Duration,
    /// Uploads (`bulkUpload`) of one tenant in a second.
    pub uploads_per_second: u32,
    /// Octets of people that are kept of the uploads of one job.
    pub uploaded: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 4 * 1024 * 1024,
            time: Duration::from_mins(1),
            uploads_per_second: 1_000,
            uploaded: 8 * 1024 * 1024 * 1024,
        }
    }
}

/// The parts that requests work with, put together by the binary.
pub struct Service {
    /// The embedded directory.
    pub directory: Directory,
    /// Everything that is kept.
    pub store: SharedStore,
    /// Runs the jobs, and takes orders about them.
    pub engine: Arc<Engine>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws lots.
    pub entropy: Arc<dyn Entropy>,
    /// Issues and checks tokens.
    pub tokens: TokenAuthority,
    /// Who else issues tokens that are taken.
    pub issuers: OutsideIssuers,
    /// Checks client secrets.
    pub secrets: ClientSecrets,
    /// What applications can be made from.
    pub application_templates: Vec<ApplicationTemplate>,
    /// The address that clients reach the service at, without a slash at its end; that of the request's `Host` header
    /// where none is given.
    pub public_url: Option<String>,
    /// True where the listener speaks TLS.
    pub tls: bool,
    /// What is taken from outside.
    pub limits: Limits,
}

impl Service {
    /// Writes the audit record of what a caller did, or tried to do.
    pub(crate) async fn audit(
        &self,
        caller: &Caller,
        activity: &str,
        target: String,
        values: (Option<Json>, Option<Json>),
        success: bool,
    ) -> store::Result<()> {
        let moment = self.clock.now();
        let (old, new) = values;
        let record = AuditRecord {
            id: self.entropy.uuid_at(moment),
            moment,
            actor: caller.actor().to_owned(),
            activity: activity.to_owned(),
            target,
            old,
            new,
            success,
        };
        self.store.audit(caller.tenant, record).await
    }
}
