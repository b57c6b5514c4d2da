//! A service whose jobs read a source in memory and write a target in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connector::{Configuration, ConfigurationError, ErrorClass, Factory, Source, Target};
use engine::{Registry, Templates};
use model::template::Template;
use model::{Object, SignedDuration, Uuid};
use serde_json::{Value as Json, json};
use server::Limits;
use testkit::{Fault, MemorySource, MemoryTarget, Method};

use crate::world::{Answer, TEMPLATE, World};

/// The token that the target takes.
pub(crate) const GOOD: &str = "s3cret";

/// An application with its service principal, asked over HTTP.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) source: MemorySource,
    pub(crate) target: MemoryTarget,
    pub(crate) application: String,
    pub(crate) principal: String,
    pub(crate) app_id: String,
    /// The path of the service principal's synchronization.
    pub(crate) path: String,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let source = MemorySource::new();
        let target = MemoryTarget::new().unique("account", "userName");
        let factory = Memory { source: source.clone(), target: target.clone() };
        let registry = Registry::default().with(Arc::new(factory));
        let limits = Limits { body: 1024 * 1024, time: Duration::from_secs(30), ..Limits::default() };
        let world = World::with_connectors(limits, registry, Templates::new(vec![template()])).await;
        let path = format!("/v1.0/applicationTemplates/{TEMPLATE}/instantiate");
        let made = world.post(&path, json!({"displayName": "Target"})).await.expect(201);
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let principal = text(&made["servicePrincipal"]["id"]);
        Self {
            source,
            target,
            application: text(&made["application"]["id"]),
            app_id: text(&made["application"]["appId"]),
            path: format!("/v1.0/servicePrincipals/{principal}/synchronization"),
            principal,
            world,
        }
    }

    /// A rig with good secrets and a job; the job's path.
    pub(crate) async fn with_job() -> (Self, String) {
        let rig = Self::new().await;
        rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", GOOD)]).await.expect(204);
        let job = rig.create_job().await;
        let path = format!("{}/jobs/{}", rig.path, job["id"].as_str().unwrap());
        (rig, path)
    }

    pub(crate) async fn create_job(&self) -> Json {
        self.world.post(&format!("{}/jobs", self.path), json!({"templateId": "test"})).await.expect(201)
    }

    pub(crate) async fn put_secrets(&self, secrets: &[(&str, &str)]) -> Answer {
        let pairs: Vec<Json> =
            secrets.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        self.world.put(&format!("{}/secrets", self.path), json!({ "value": pairs })).await
    }

    /// Makes a job active whose cycles run only when a test says so: `start` would also run one by itself, at a moment of
    /// its own.
    pub(crate) async fn activate(&self, job: &str) {
        let mut job = self.job(job).await;
        job.schedule.state = model::job::ScheduleState::Active;
        self.world.api.service().store.update_job(job).await.unwrap();
    }

    /// Runs a cycle of an active job to its end.
    pub(crate) async fn cycle(&self, job: &str) {
        let job = self.job(job).await;
        self.world.clock.advance(SignedDuration::from_secs(1));
        self.world.api.service().engine.run_to_end(&job).await.unwrap();
    }

    /// Discovers the accounts of a job's target to the end: the path of the report.
    pub(crate) async fn discover(&self, job: &str) -> String {
        let path = format!("{}/discoverAccounts", job.replace("/v1.0/", "/beta/"));
        let answer = self.world.post(&path, Json::Null).await;
        let address = answer.header("location").to_owned();
        answer.expect(202);
        self.world.api.service().engine.settle_plans(&self.job(job).await).await;
        address.strip_prefix("http://graph.test").unwrap().to_owned()
    }

    pub(crate) async fn job(&self, path: &str) -> model::job::Job {
        let id = model::JobId::from_text(path.rsplit('/').next().unwrap());
        let tenant = model::TenantId(crate::world::TENANT);
        self.world.api.service().store.job(tenant, &id).await.unwrap().unwrap()
    }

    /// The newest audit record.
    pub(crate) async fn newest_audit(&self) -> Json {
        let page = self.world.get("/v1.0/auditLogs/directoryAudits?$top=1").await.expect(200);
        page["value"][0].clone()
    }

    /// How many audit records there are.
    pub(crate) async fn audits(&self) -> usize {
        self.world.every("/v1.0/auditLogs/directoryAudits").await.len()
    }
}

/// Builds connectors in memory, and asks for credentials as a real one does.
struct Memory {
    source: MemorySource,
    target: MemoryTarget,
}

#[async_trait]
impl Factory for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn validate_source(&self, configuration: &Configuration) -> Result<(), ConfigurationError> {
        match configuration.secrets.get("Password") {
            None | Some(GOOD) => Ok(()),
            Some(_) => Err(ConfigurationError::invalid("Password", "is refused; send a good one")),
        }
    }

    fn validate_target(&self, configuration: &Configuration) -> Result<(), ConfigurationError> {
        let Some(address) = configuration.secrets.get("BaseAddress") else {
            return Err(ConfigurationError::missing("BaseAddress", "is missing; send the target's address"));
        };
        if address != "memory" {
            return Err(ConfigurationError::invalid("BaseAddress", "is no address; send 'memory'"));
        }
        Ok(())
    }

    fn identity(&self, configuration: &Configuration) -> String {
        configuration.secrets.get("BaseAddress").unwrap_or_default().to_owned()
    }

    async fn source(&self, _: &Configuration) -> connector::Result<Arc<dyn Source>> {
        Ok(Arc::new(self.source.clone()))
    }

    async fn target(&self, configuration: &Configuration) -> connector::Result<Arc<dyn Target>> {
        if configuration.secrets.get("SecretToken") == Some(GOOD) {
            return Ok(Arc::new(self.target.clone()));
        }
        let locked = MemoryTarget::new();
        locked.faults().always(&Method::TARGET, Fault::Refuse(ErrorClass::Unauthorized));
        Ok(Arc::new(locked))
    }
}

pub(crate) fn user(name: &str) -> Object {
    Object::new("User", name).with("login", name).with("displayName", name.to_uppercase())
}

fn template() -> Template {
    Template {
        id: "test".into(),
        application_id: TEMPLATE.parse::<Uuid>().unwrap(),
        description: Some("For tests".to_owned()),
        discoverable: true,
        factory_tag: "test".to_owned(),
        default: true,
        metadata: Vec::new(),
        connectors: [("People".to_owned(), "memory".into()), ("App".to_owned(), "memory".into())].into(),
        schema: serde_json::from_value(schema()).unwrap(),
    }
}

fn mapping(target: &str, expression: &str, matching: u8) -> Json {
    json!({
        "targetAttributeName": target, "matchingPriority": matching,
        "source": {"expression": expression, "type": "Function", "name": "", "parameters": []},
    })
}

/// Users become accounts.
pub(crate) fn schema() -> Json {
    json!({
        "directories": [
            {"id": "people", "name": "People", "objects": [
                {"name": "User", "attributes": [
                    {"name": "id", "anchor": true}, {"name": "login"}, {"name": "displayName"}, {"name": "mail"},
                ]},
            ]},
            {"id": "app", "name": "App", "objects": [
                {"name": "account", "attributes": [
                    {"name": "id", "anchor": true, "mutability": "ReadOnly"},
                    {"name": "userName", "required": true}, {"name": "name"},
                    {"name": "active", "type": "Boolean"},
                ]},
            ]},
        ],
        "synchronizationRules": [{
            "id": "rule", "name": "Out", "priority": 1, "editable": true,
            "sourceDirectoryName": "People", "targetDirectoryName": "App",
            "objectMappings": [
                {"name": "Users", "enabled": true, "flowTypes": "Add, Update",
                 "sourceObjectName": "User", "targetObjectName": "account", "attributeMappings": [
                    mapping("userName", "[login]", 1),
                    mapping("name", "[displayName]", 0),
                    mapping("active", "Not([IsSoftDeleted])", 0),
                 ]},
            ],
        }],
    })
}
