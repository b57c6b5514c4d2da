//! A client of the Graph API for benches: what a script would send to provision people, and no more.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::rig::Entente;

/// What went wrong, in words.
pub(crate) type Failure = Box<dyn Error>;

/// The template of a custom application.
const CUSTOM_APPLICATION: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// The most requests of one batch.
const BATCH: usize = 20;
/// Pause between two looks at a job's status: short beside what is measured, long beside what a look costs.
const POLL: Duration = Duration::from_millis(50);
/// No bench's cycle takes longer.
const CYCLE_LIMIT: Duration = Duration::from_mins(30);
/// How much of an answer is read.
const ANSWER_SIZE: u64 = 16 << 20;
/// How Graph writes a time that was never reached.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A signed-in client.
pub(crate) struct Graph {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// Where a job is found.
pub(crate) struct Job {
    path: String,
}

impl Graph {
    /// Signs in as the bootstrap client.
    pub(crate) fn sign_in(entente: &Entente) -> Result<Self, Failure> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        let address = format!("{}/{}/oauth2/v2.0/token", entente.base_url(), Entente::TENANT);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", Entente::CLIENT),
            ("client_secret", Entente::SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let answer = read(agent.post(address).send_form(form)?)?;
        let token = text(&answer, "/access_token")?;
        Ok(Self { agent, base: format!("{}/beta", entente.base_url()), token })
    }

    /// Reads what a path below the version, or a whole address such as that of a next page, shows.
    pub(crate) fn ask(&self, path: &str) -> Result<Value, Failure> {
        let address = if path.starts_with("http") { path.to_owned() } else { self.address(path) };
        let request = self.agent.get(address).header("Authorization", self.authorization());
        // Searches are answered to those who know that the index may lag.
        read(request.header("ConsistencyLevel", "eventual").call()?)
    }

    /// Changes a resource.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.patch(self.address(path)).header("Authorization", self.authorization());
        read(request.send_json(body)?)
    }

    /// The token, for services that take the same.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Begins to discover the accounts of a job's target; the path of the report.
    pub(crate) fn discover_accounts(&self, job: &Job) -> Result<String, Failure> {
        let report = self.post(&format!("{}/discoverAccounts", job.path), &json!({}))?;
        Ok(format!("/reports/correlations/{}", text(&report, "/id")?))
    }

    fn get(&self, path: &str) -> Result<Value, Failure> {
        read(self.agent.get(self.address(path)).header("Authorization", self.authorization()).call()?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.post(self.address(path)).header("Authorization", self.authorization());
        read(request.send_json(body)?)
    }

    fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.put(self.address(path)).header("Authorization", self.authorization());
        read(request.send_json(body)?)
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Creates users by `$batch`; `user` makes each from its number.
    pub(crate) fn create_users(&self, count: usize, user: impl Fn(usize) -> Value) -> Result<(), Failure> {
        for begin in (0..count).step_by(BATCH) {
            let requests: Vec<Value> = (begin..count.min(begin + BATCH))
                .map(|number| {
                    json!({
                        "id": number.to_string(), "method": "POST", "url": "/users", "body": user(number),
                        "headers": {"Content-Type": "application/json"},
                    })
                })
                .collect();
            let answer = self.post("/$batch", &json!({ "requests": requests }))?;
            let answers =
                answer.pointer("/responses").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if let Some(refused) = answers.iter().find(|one| one.pointer("/status") != Some(&json!(201))) {
                return Err(format!("a user was refused: {refused}").into());
            }
            if answers.len() != requests.len() {
                return Err("a batch was not answered in full".into());
            }
        }
        Ok(())
    }

    /// An application whose target is at `base`, with a job that provisions everybody.
    pub(crate) fn create_job(&self, base: &str, secret: &str, concurrency: usize) -> Result<Job, Failure> {
        let template = format!("/applicationTemplates/{CUSTOM_APPLICATION}/instantiate");
        let made = self.post(&template, &json!({"displayName": "Bench"}))?;
        let synchronization =
            format!("/servicePrincipals/{}/synchronization", text(&made, "/servicePrincipal/id")?);
        let secrets = [("BaseAddress", base), ("SecretToken", secret), ("SyncAll", "true")];
        let secrets: Vec<Value> =
            secrets.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        self.put(&format!("{synchronization}/secrets"), &json!({ "value": secrets }))?;
        let job = self.post(&format!("{synchronization}/jobs"), &json!({"templateId": "scim"}))?;
        let path = format!("{synchronization}/jobs/{}", text(&job, "/id")?);
        let settings = json!([{"name": "ConcurrentExports", "value": concurrency.to_string()}]);
        self.patch(&path, &json!({ "synchronizationJobSettings": settings }))?;
        Ok(Job { path })
    }

    /// An application with a job that reads what is uploaded to it.
    pub(crate) fn create_inbound_job(&self) -> Result<Job, Failure> {
        let all = self.get("/applicationTemplates")?;
        let all = all.pointer("/value").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_inbound = |one: &&Value| {
            one.pointer("/displayName")
                .and_then(Value::as_str)
                .is_some_and(|name| name.starts_with("API-driven"))
        };
        let template = all.iter().find(is_inbound).ok_or("there is no application template for uploads")?;
        let path = format!("/applicationTemplates/{}/instantiate", text(template, "/id")?);
        let made = self.post(&path, &json!({"displayName": "Bench"}))?;
        let jobs =
            format!("/servicePrincipals/{}/synchronization/jobs", text(&made, "/servicePrincipal/id")?);
        let job = self.post(&jobs, &json!({"templateId": "API2AAD"}))?;
        Ok(Job { path: format!("{jobs}/{}", text(&job, "/id")?) })
    }

    /// Uploads people to a job.
    pub(crate) fn upload(&self, job: &Job, body: &str) -> Result<(), Failure> {
        let address = self.address(&format!("{}/bulkUpload", job.path));
        let request = self.agent.post(address).header("Authorization", self.authorization());
        read(request.header("Content-Type", "application/scim+json").send(body)?).map(drop)
    }

    /// Starts a job and waits until its initial cycle is done; the time from the one to the other.
    pub(crate) fn run_initial_cycle(&self, job: &Job) -> Result<Duration, Failure> {
        let begin = Instant::now();
        self.post(&format!("{}/start", job.path), &json!({}))?;
        loop {
            let answer = self.get(&job.path)?;
            let steady = text(&answer, "/status/steadyStateLastAchievedTime")?;
            if steady != NEVER {
                return Ok(begin.elapsed());
            }
            if text(&answer, "/status/code")? == "Quarantine" || begin.elapsed() > CYCLE_LIMIT {
                return Err(format!("the initial cycle failed: {answer:#}").into());
            }
            thread::sleep(POLL);
        }
    }
}

/// The JSON of a good answer, null where there is no body.
fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<Value, Failure> {
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(ANSWER_SIZE).read_to_string()?;
    if !status.is_success() {
        return Err(format!("Entente answered {status}: {body}").into());
    }
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? })
}

/// A text within an answer.
fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| format!("the answer has no {pointer}: {answer}").into())
}
