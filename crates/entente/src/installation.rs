//! The composition root: which store, which connectors, and how the parts know each other.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use connector_directory::DirectoryFactory;
use connector_inbound::InboundFactory;
use connector_scim::ScimFactory;
use directory::{Directory, PasswordCredential};
use engine::{Engine, Registry, Services, SystemTimer, Templates, Timer, VaultKeeper};
use model::{Clock, Entropy, SignedDuration, SystemClock, SystemEntropy, TenantId, Timestamp, Uuid};
use server::auth::{ClientSecrets, KeyFetch, OutsideIssuers};
use server::{Api, Limits, Service};
use store::vault::Vault;
use store::{SharedStore, Tenant};
use store_sqlite::SqliteStore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::development::DevelopmentClock;
use crate::issuers::IssuerClient;
use crate::signing_keys::SigningKeyStore;
use crate::{notifications, templates, upkeep};

/// Under this name the id of the node is kept.
const NODE: &str = "node";
/// The bootstrap client's secret is the credential of this id, so that a new one takes the place of the old.
const BOOTSTRAP_SECRET: Uuid = Uuid::from_u128(0xe47e_47e0_0000_4000_8000_0000_b007_5742);
/// What a tenant is called that nobody has named yet.
const TENANT_NAME: &str = "Default tenant";
/// The domain of such a tenant.
const TENANT_DOMAIN: &str = "entente.example";

/// Everything of one process, put together and not yet listening.
pub(crate) struct Installation {
    pub(crate) store: SharedStore,
    pub(crate) directory: Directory,
    pub(crate) engine: Arc<Engine>,
    pub(crate) api: Arc<Api>,
    trigger: AbortHandle,
    upkeep: AbortHandle,
    turning: AbortHandle,
}

/// Whose time it is.
pub(crate) struct Time {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
}

impl Time {
    /// The machine's.
    pub(crate) fn system() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self { clock: clock.clone(), timer: Arc::new(SystemTimer::new(clock)) }
    }

    /// That of a clock which can be set.
    pub(crate) fn development(clock: &Arc<DevelopmentClock>) -> Self {
        Self { clock: clock.clone(), timer: clock.clone() }
    }
}

/// The client of a tenant that holds every permission.
pub(crate) struct Client {
    pub(crate) tenant: TenantId,
    pub(crate) id: String,
    /// The secret, where it was just made: it can be told now and never again.
    pub(crate) secret: Option<String>,
}

impl Installation {
    /// Opens the database and puts the parts together.
    pub(crate) async fn open(configuration: &Configuration, data: &DataDir, time: Time) -> Result<Self> {
        let Time { clock, timer } = time;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let file = configuration.database_file();
        let key = data.secrets_key(configuration.secrets_key.as_ref(), &file, &*entropy)?;
        let store: SharedStore =
            Arc::new(SqliteStore::open(&file).with_context(|| file.display().to_string())?);
        let vault = Arc::new(Vault::open(&*store, &key.0, entropy.clone()).await?);
        let directory = Directory::new(store.clone(), clock.clone(), entropy.clone());
        let keeper = Arc::new(VaultKeeper::new(store.clone(), vault.clone()));
        let keys = SigningKeyStore::new(store.clone(), vault.clone(), clock.clone(), entropy.clone());
        let tokens = keys.open().await?;
        let engine = Engine::new(Services {
            store: store.clone(),
            vault: vault.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            node: node(&store, &*entropy).await?,
            timer,
            notifiers: notifications::notifiers(configuration, &clock)?,
            registry: Registry::default()
                .with(Arc::new(DirectoryFactory::new(directory.clone())))
                .with(Arc::new(InboundFactory::new(store.clone())))
                .with(Arc::new(ScimFactory::new(clock.clone(), entropy.clone()).keeping(keeper))),
            templates: Templates::new(templates::shipped()?),
        });
        let fetch: Arc<dyn KeyFetch> = Arc::new(IssuerClient::new()?);
        let api = Api::new(Service {
            directory: directory.clone(),
            store: store.clone(),
            engine: engine.clone(),
            issuers: OutsideIssuers::new(configuration.issuers.clone(), &fetch, &clock),
            clock,
            entropy: entropy.clone(),
            tokens,
            secrets: ClientSecrets::new(entropy),
            application_templates: templates::applications(),
            public_url: configuration.public_url.clone(),
            tls: configuration.tls.is_some(),
            limits: Limits { uploads_per_second: configuration.uploads_per_second, ..Limits::default() },
        });
        let warmed = api.clone();
        tokio::spawn(async move { warmed.service().issuers.warm().await });
        let trigger = forward_changes(&directory, &engine, &store);
        let turning = keys.turning(api.clone());
        let upkeep = upkeep::start(
            store.clone(),
            directory.clone(),
            engine.clone(),
            api.service().clock.clone(),
            configuration.retention,
        );
        Ok(Self { store, directory, engine, api, trigger, upkeep, turning })
    }

    /// What is served.
    pub(crate) fn router(&self) -> Router {
        server::router(self.api.clone())
    }

    /// Makes sure that a tenant has its client, as the configuration says or as it was made before. The tenant is the
    /// configured one, else the oldest there is, else a new one.
    pub(crate) async fn bootstrap(&self, configuration: &Configuration) -> Result<Client> {
        let service = self.api.service();
        let known = self.store.tenants().await?.first().map(|tenant| tenant.id);
        let id = configuration.tenant.or(known).unwrap_or_else(|| TenantId(service.entropy.uuid()));
        let tenant = Tenant {
            id,
            display_name: TENANT_NAME.to_owned(),
            domain: TENANT_DOMAIN.to_owned(),
            created: service.clock.now(),
        };
        self.client(tenant, configuration.bootstrap_client, configuration.bootstrap_secret.as_deref()).await
    }

    /// Makes sure that a tenant and its first client exist. A given secret replaces the one given before; where none is
    /// given and none is there, one is made.
    pub(crate) async fn client(
        &self,
        tenant: Tenant,
        client: Option<Uuid>,
        secret: Option<&str>,
    ) -> Result<Client> {
        let service = self.api.service();
        let now = service.clock.now();
        let tenant_id = tenant.id;
        let made = self.directory.bootstrap_tenant(tenant, client).await?;
        let credentials = PasswordCredential::of(&made.client);
        let put = async |hash: String, hint: String| {
            let credential = PasswordCredential {
                key_id: BOOTSTRAP_SECRET,
                display_name: Some("Bootstrap".to_owned()),
                hint: Some(hint),
                start: now,
                end: for_ever(now),
                hash,
            };
            self.directory.of(tenant_id).put_password(made.client.id, credential).await
        };
        let unhashed = || anyhow!("the client's secret cannot be hashed: not enough memory");
        let mut told = None;
        match secret {
            Some(secret) if service.secrets.check(&credentials, secret, now).await.is_none() => {
                let hint = secret.chars().take(3).collect();
                put(service.secrets.hash(secret).await.ok_or_else(unhashed)?, hint).await?;
            }
            None if credentials.is_empty() => {
                let fresh = service.secrets.generate().await.ok_or_else(unhashed)?;
                put(fresh.hash, fresh.hint).await?;
                told = Some(fresh.text);
            }
            _ => {}
        }
        let id = made.client.text("appId").unwrap_or_default().to_owned();
        Ok(Client { tenant: tenant_id, id, secret: told })
    }

    /// Stops cycles at their next object and waits for them.
    pub(crate) async fn shutdown(&self) {
        self.trigger.abort();
        self.upkeep.abort();
        self.turning.abort();
        self.engine.shutdown().await;
    }
}

/// The end of a credential that does not expire.
fn for_ever(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24 * 365 * 100)).unwrap_or(Timestamp::MAX)
}

/// Who the processes on this database are, one after the other: only one can have it at a time, so that a new one takes
/// up the leases of one that died without waiting for their end.
async fn node(store: &SharedStore, entropy: &dyn Entropy) -> Result<Uuid> {
    let fresh = entropy.uuid().into_bytes().to_vec();
    let kept = store.init_installation_value(NODE, fresh).await?;
    Uuid::from_slice(&kept).context("the id of this node is damaged")
}

/// Tells the engine of every change of the directory.
fn forward_changes(directory: &Directory, engine: &Arc<Engine>, store: &SharedStore) -> AbortHandle {
    let (mut changes, engine, store) = (directory.subscribe(), engine.clone(), store.clone());
    let task = tokio::spawn(async move {
        loop {
            match changes.recv().await {
                Ok(changed) => engine.changed(changed.tenant, changed.origin.as_ref()),
                Err(RecvError::Lagged(_)) => {
                    for tenant in store.tenants().await.unwrap_or_default() {
                        engine.changed(tenant.id, None);
                    }
                }
                Err(RecvError::Closed) => return,
            }
        }
    });
    task.abort_handle()
}
