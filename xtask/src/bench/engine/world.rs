//! The parts of the service that a bench of the engine needs, put together as the binary does.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connector::Target;
use connector_directory::DirectoryFactory;
use directory::{Directory, TenantDirectory};
use engine::{Engine, Notifiers, Registry, Services, SystemTimer, Templates};
use model::job::{Job, ScheduleState};
use model::secrets::Secrets;
use model::template::Template;
use model::{Clock as _, ServicePrincipalId, SystemClock, SystemEntropy, TenantId, Uuid};
use serde_json::Value as Json;
use store::vault::Vault;
use store::{SharedStore, Tenant};
use store_sqlite::SqliteStore;
use testkit::SharedFactory;

use crate::graph::Failure;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const OWNER: ServicePrincipalId = ServicePrincipalId(Uuid::from_u128(2));
/// The connector that the template names for its target.
const TARGET: &str = "scim";

/// The database in a folder.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join("entente.db")
}

/// Runs work to its end.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_time().build()?.block_on(work)
}

/// The template `scim` as it ships.
pub(super) fn template() -> Result<Template, Failure> {
    let json: Json = serde_json::from_str(include_str!("../../../../templates/scim.json"))?;
    let part = |name: &str| json.get(name).cloned().unwrap_or_default();
    Ok(Template {
        id: TARGET.into(),
        application_id: Uuid::nil(),
        description: None,
        discoverable: true,
        factory_tag: String::new(),
        metadata: Vec::new(),
        default: true,
        connectors: serde_json::from_value(part("connectors"))?,
        schema: serde_json::from_value(part("schema"))?,
    })
}

/// A store, its directory and an engine.
pub(super) struct World {
    pub(super) store: SharedStore,
    pub(super) directory: TenantDirectory,
    pub(super) engine: Arc<Engine>,
    service: Directory,
}

impl World {
    /// Opens the database in a folder; jobs write to the target.
    pub(super) async fn open(folder: &Path, target: Option<Arc<dyn Target>>) -> Result<Self, Failure> {
        let store: SharedStore = Arc::new(SqliteStore::open(&database(folder))?);
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let service = Directory::new(store.clone(), clock.clone(), entropy.clone());
        let mut registry = Registry::default().with(Arc::new(DirectoryFactory::new(service.clone())));
        if let Some(target) = target {
            registry = registry.with(Arc::new(SharedFactory::of_target(TARGET, target)));
        }
        let vault = Vault::open(&*store, &[9; 32], entropy.clone()).await?;
        let engine = Engine::new(Services {
            store: store.clone(),
            vault: Arc::new(vault),
            clock: clock.clone(),
            entropy,
            timer: Arc::new(SystemTimer::new(clock)),
            registry,
            templates: Templates::new(vec![template()?]),
            notifiers: Notifiers::default(),
            node: Uuid::from_u128(3),
        });
        Ok(Self { store, directory: service.of(TENANT), engine, service })
    }

    /// Makes the tenant.
    pub(super) async fn make_tenant(&self) -> Result<TenantDirectory, Failure> {
        let tenant = Tenant {
            id: TENANT,
            display_name: "Bench".into(),
            domain: "example.com".into(),
            created: SystemClock.now(),
        };
        self.service.bootstrap_tenant(tenant, None).await?;
        Ok(self.directory.clone())
    }

    /// Makes an active job that provisions everybody.
    pub(super) async fn make_job(&self, template: &Template) -> Result<(), Failure> {
        let secrets: Secrets = [("SyncAll".to_owned(), "true".to_owned())].into_iter().collect();
        self.engine.services().vault.replace_secrets(&*self.store, TENANT, OWNER, &secrets).await?;
        let mut job = self.engine.create_job(TENANT, OWNER, template, "").await?;
        job.schedule.state = ScheduleState::Active;
        self.store.update_job(job).await?;
        Ok(())
    }

    /// The job that was made.
    pub(super) async fn job(&self) -> Result<Job, Failure> {
        let jobs = self.store.active_jobs().await?;
        jobs.into_iter().next().ok_or_else(|| "the step 'fill' made no job".into())
    }
}
