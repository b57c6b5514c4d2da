//! A job between a source and a target in memory, with state in a real store.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::Target;
use engine::{CycleEnd, Engine, Registry, ResetScope, Services, SystemTimer, Templates};
use model::job::{Job, JobStatus};
use model::provisioning::ProvisioningRecord;
use model::schema::Schema;
use model::secrets::Secrets;
use model::settings::Setting;
use model::template::Template;
use model::{
    Anchor, Clock, Object, ServicePrincipalId, SignedDuration, SystemClock, TenantId, Timestamp, Uuid, Value,
};
use serde_json::{Value as Json, json};
use store::vault::Vault;
use store::{Commit, ProvisioningQuery, SharedStore, Tenant};
use store_sqlite::SqliteStore;
use testkit::{MemorySource, MemoryTarget, SeededEntropy, SharedFactory, SimulatedClock};

/// A restart that forgets nothing.
pub(crate) const NOTHING: ResetScope =
    ResetScope { watermark: false, escrows: false, quarantine: false, links: false, force_deletes: false };

pub(crate) struct Rig {
    pub(crate) source: MemorySource,
    pub(crate) target: MemoryTarget,
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) store: SharedStore,
    pub(crate) factory: SharedFactory,
    pub(crate) engine: Arc<Engine>,
    pub(crate) job: Job,
    entropy: Arc<SeededEntropy>,
}

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const OWNER: ServicePrincipalId = ServicePrincipalId(Uuid::from_u128(2));

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(MemorySource::new(), MemoryTarget::new().unique("account", "userName")).await
    }

    pub(crate) async fn with(source: MemorySource, target: MemoryTarget) -> Self {
        Self::of(source, target, schema(), SeededEntropy::new(1)).await
    }

    pub(crate) async fn of(
        source: MemorySource,
        target: MemoryTarget,
        schema: Json,
        entropy: SeededEntropy,
    ) -> Self {
        Self::on(Arc::new(SqliteStore::open_temporary().unwrap()), source, target, schema, entropy).await
    }

    /// The job with another target in front of the one in memory.
    pub(crate) async fn to(source: MemorySource, inner: MemoryTarget, target: Arc<dyn Target>) -> Self {
        let rig = Self::with(source.clone(), inner).await;
        let factory = SharedFactory::memory(Arc::new(source), target);
        let engine = engine(&rig.store, &factory, rig.clock.clone(), &rig.entropy, &schema()).await;
        Self { factory, engine, ..rig }
    }

    /// The job with its state in a store that is empty.
    pub(crate) async fn on(
        store: SharedStore,
        source: MemorySource,
        target: MemoryTarget,
        schema: Json,
        entropy: SeededEntropy,
    ) -> Self {
        let clock = Arc::new(SimulatedClock::at("2026-01-01T00:00:00Z".parse().unwrap()));
        let entropy = Arc::new(entropy);
        let tenant = Tenant {
            id: TENANT,
            display_name: "Test".into(),
            domain: "example.com".into(),
            created: Timestamp::UNIX_EPOCH,
        };
        store.create_tenant(tenant).await.unwrap();
        let factory = SharedFactory::memory(Arc::new(source.clone()), Arc::new(target.clone()));
        let engine = engine(&store, &factory, clock.clone(), &entropy, &schema).await;
        let template = engine.services().templates.get("test").unwrap().clone();
        let mut job = engine.create_job(TENANT, OWNER, &template, "test").await.unwrap();
        job.schedule.state = model::job::ScheduleState::Active;
        store.update_job(job.clone()).await.unwrap();
        Self { source, target, clock, store, factory, engine, job, entropy }
    }

    /// The same job in a process that starts anew.
    pub(crate) async fn restart_process(&mut self) {
        let schema = serde_json::to_value(self.store.schema(&self.job.id).await.unwrap().schema).unwrap();
        self.engine = engine(&self.store, &self.factory, self.clock.clone(), &self.entropy, &schema).await;
    }

    /// The same job in a process that goes by the machine's clock, for what happens by itself.
    pub(crate) async fn in_real_time(&self) -> Arc<Engine> {
        let schema = serde_json::to_value(self.store.schema(&self.job.id).await.unwrap().schema).unwrap();
        engine(&self.store, &self.factory, Arc::new(SystemClock), &self.entropy, &schema).await
    }

    /// Runs a cycle to its end.
    pub(crate) async fn cycle(&self) -> CycleEnd {
        self.clock.advance(SignedDuration::from_secs(1));
        self.engine.run_to_end(&self.job).await.unwrap()
    }

    pub(crate) async fn good_cycle(&self) {
        assert_eq!(self.cycle().await, CycleEnd::Completed);
    }

    pub(crate) async fn status(&self) -> JobStatus {
        self.store.status(&self.job.id).await.unwrap()
    }

    /// Writes under the job's lease.
    pub(crate) async fn write(&self, commit: Commit) {
        let now = self.clock.now();
        let until = now + SignedDuration::from_mins(1);
        let lease = self.store.lease(&self.job.id, Uuid::from_u128(3), now, until).await.unwrap();
        let fence = lease.unwrap().fence;
        self.store.commit(&self.job.id, Commit { fence, ..commit }).await.unwrap();
    }

    /// What a restart forgets, without running anything.
    pub(crate) async fn restart(&self, scope: ResetScope) {
        self.engine.restart_job(self.job.clone(), scope).await.unwrap();
        self.engine.shutdown().await;
    }

    pub(crate) async fn set_settings(&mut self, settings: &[(&str, &str)]) {
        self.job.settings = settings
            .iter()
            .map(|(name, value)| Setting { name: (*name).into(), value: (*value).into() })
            .collect();
        self.store.update_job(self.job.clone()).await.unwrap();
    }

    pub(crate) async fn set_secrets(&self, secrets: &[(&str, &str)]) {
        let secrets: Secrets =
            secrets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.engine.services().vault.replace_secrets(&*self.store, TENANT, OWNER, &secrets).await.unwrap();
    }

    pub(crate) async fn change_schema(&self, change: impl FnOnce(&mut Json)) {
        let newest = self.store.schema(&self.job.id).await.unwrap();
        let mut json = serde_json::to_value(newest.schema).unwrap();
        change(&mut json);
        let schema: Schema = serde_json::from_value(json).unwrap();
        self.engine.put_schema(&self.job, newest.number, schema, "test").await.unwrap();
    }

    /// The newest records of the provisioning log, oldest first.
    pub(crate) async fn log(&self) -> Vec<ProvisioningRecord> {
        let query = ProvisioningQuery {
            job: Some(self.job.id.clone()),
            ascending: true,
            limit: 10_000,
            ..ProvisioningQuery::default()
        };
        self.store
            .provisioning(TENANT, query)
            .await
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| entry.record)
            .collect()
    }

    /// Outcomes of the log records of one object, oldest first, such as `create success`.
    pub(crate) async fn story(&self, source: &str) -> Vec<String> {
        self.log()
            .await
            .iter()
            .filter(|record| record.source.anchor.as_ref().is_some_and(|anchor| anchor.as_str() == source))
            .map(|record| {
                let mut words = format!("{} {}", record.action.wire(), record.outcome.wire());
                if let Some(code) = record.code() {
                    words.push(' ');
                    words.push_str(code);
                }
                words
            })
            .collect()
    }

    pub(crate) fn account(&self, user_name: &str) -> Option<Object> {
        self.target.object_by("account", "userName", user_name)
    }

    pub(crate) fn account_anchor(&self, user_name: &str) -> Anchor {
        self.account(user_name).unwrap().anchor
    }

    /// Accounts with whether each is active, by user name.
    pub(crate) fn accounts(&self) -> BTreeMap<String, bool> {
        self.target
            .objects("account")
            .iter()
            .map(|object| {
                let active = object.get("active").as_boolean() == Some(true);
                (object.get("userName").to_string(), active)
            })
            .collect()
    }
}

async fn engine(
    store: &SharedStore,
    factory: &SharedFactory,
    clock: Arc<dyn Clock>,
    entropy: &Arc<SeededEntropy>,
    schema: &Json,
) -> Arc<Engine> {
    let vault = Vault::open(&**store, &[9; 32], entropy.clone()).await.unwrap();
    let template = Template {
        id: "test".into(),
        application_id: Uuid::nil(),
        description: None,
        discoverable: true,
        factory_tag: "test".into(),
        default: true,
        metadata: Vec::new(),
        connectors: [("People".to_owned(), "memory".into()), ("App".to_owned(), "memory".into())].into(),
        schema: serde_json::from_value(schema.clone()).unwrap(),
    };
    Engine::new(Services {
        store: store.clone(),
        vault: Arc::new(vault),
        clock: clock.clone(),
        entropy: entropy.clone(),
        timer: Arc::new(SystemTimer::new(clock.clone())),
        registry: Registry::default().with(Arc::new(factory.clone())),
        templates: Templates::new(vec![template]),
        node: Uuid::from_u128(3),
        notifiers: engine::Notifiers::default(),
    })
}

pub(crate) fn user(number: u32) -> Object {
    Object::new("User", anchor(number).as_str())
        .with("login", format!("user{number}"))
        .with("displayName", format!("Üser \"{number}\" \\"))
        .with("department", if number.is_multiple_of(2) { "Sales" } else { "IT" })
}

pub(crate) fn anchor(number: u32) -> String {
    format!("u{number}")
}

pub(crate) fn managed_by(user: Object, manager: u32) -> Object {
    user.with("manager", Value::Reference(Anchor::new(anchor(manager))))
}

pub(crate) fn group(name: &str) -> Object {
    Object::new("Group", name).with("displayName", name)
}

fn mapping(target: &str, expression: &str, matching: u8) -> Json {
    json!({
        "targetAttributeName": target, "matchingPriority": matching,
        "source": {"expression": expression, "type": "Function", "name": "", "parameters": []}
    })
}

/// Users become accounts with a manager, groups become teams with members.
pub(crate) fn schema() -> Json {
    json!({
        "directories": [
            {"name": "People", "objects": [
                {"name": "User", "attributes": [
                    {"name": "id", "anchor": true}, {"name": "login"}, {"name": "displayName"},
                    {"name": "department"}, {"name": "manager", "type": "Reference"}
                ]},
                {"name": "Group", "attributes": [
                    {"name": "id", "anchor": true}, {"name": "displayName"},
                    {"name": "members", "type": "Reference", "multivalued": true}
                ]}
            ]},
            {"name": "App", "objects": [
                {"name": "account", "attributes": [
                    {"name": "id", "anchor": true, "mutability": "ReadOnly"},
                    {"name": "userName", "required": true}, {"name": "name", "caseExact": true},
                    {"name": "department"}, {"name": "active", "type": "Boolean"},
                    {"name": "manager", "type": "Reference"}
                ]},
                {"name": "team", "attributes": [
                    {"name": "id", "anchor": true, "mutability": "ReadOnly"},
                    {"name": "name", "required": true},
                    {"name": "members", "type": "Reference", "multivalued": true}
                ]}
            ]}
        ],
        "synchronizationRules": [{
            "id": "rule", "name": "Out", "priority": 1,
            "sourceDirectoryName": "People", "targetDirectoryName": "App",
            "objectMappings": [
                {"name": "Users", "enabled": true, "flowTypes": "Add,Update,Delete",
                 "sourceObjectName": "User", "targetObjectName": "account", "attributeMappings": [
                    mapping("userName", "[login]", 1),
                    mapping("name", "[displayName]", 0),
                    mapping("department", "[department]", 0),
                    mapping("active", "Not([IsSoftDeleted])", 0),
                    mapping("manager", "[manager]", 0)
                 ]},
                {"name": "Groups", "enabled": true, "flowTypes": "Add,Update,Delete",
                 "sourceObjectName": "Group", "targetObjectName": "team", "attributeMappings": [
                    mapping("name", "[displayName]", 1),
                    mapping("members", "[members]", 0)
                 ]}
            ]
        }]
    })
}

/// The same, with everybody in scope but who is in the department `Gone`.
pub(crate) fn schema_but_for_the_gone() -> Json {
    let mut schema = schema();
    let clause = json!({"sourceOperandName": "department", "operatorName": "NOT EQUALS",
        "targetOperand": {"values": ["Gone"]}});
    schema["synchronizationRules"][0]["objectMappings"][0]["scope"] =
        json!({"groups": [{"clauses": [clause]}]});
    schema
}
