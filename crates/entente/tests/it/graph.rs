//! A client of the Graph API, and a job between the embedded directory and a target of the test.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use model::Timestamp;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::serve::{BOOTSTRAP, CLIENT, SECRET, Serving, TENANT};
use crate::target::Target;

/// The template of a custom application.
const CUSTOM: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// `entente serve` with a clock that can be set, and a client of it that holds every permission.
pub(crate) struct World {
    serving: Option<Serving>,
    http: Client,
    token: Mutex<Option<String>>,
    folder: TempDir,
}

/// A job from the template `scim`.
pub(crate) struct Job<'w> {
    pub(crate) world: &'w World,
    pub(crate) principal: String,
    pub(crate) id: String,
}

impl World {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let folder = crate::serve::folder();
        let serving = Self::serve(folder.path(), variables);
        let http = Client::builder().no_proxy().build().unwrap();
        Self { serving: Some(serving), http, token: Mutex::default(), folder }
    }

    fn serve(folder: &Path, variables: &[(&str, &str)]) -> Serving {
        let variables: Vec<_> = BOOTSTRAP.into_iter().chain(variables.iter().copied()).collect();
        Serving::start(folder, &["--development-clock"], &variables)
    }

    /// The same installation in a new process, after the present one was killed. Its clock is the machine's again.
    pub(crate) fn crash(&mut self, variables: &[(&str, &str)]) {
        drop(self.serving.take());
        *self.token.lock().unwrap() = None;
        self.serving = Some(Self::serve(self.folder.path(), variables));
    }

    pub(crate) fn address(&self) -> &str {
        &self.serving.as_ref().unwrap().address
    }

    pub(crate) async fn token(&self) -> String {
        if let Some(token) = self.token.lock().unwrap().clone() {
            return token;
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.address());
        let answer: Json = self.http.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        *self.token.lock().unwrap() = Some(token.clone());
        token
    }

    /// Sends a request; the status and the body of the answer.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Json>) -> (StatusCode, Json) {
        let url = format!("{}/beta/{path}", self.address());
        let mut request = self.http.request(method, url).bearer_auth(self.token().await);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Json {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "GET {path}: {body}");
        body
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Json) -> Json {
        let (status, answer) = self.call(method.clone(), path, Some(body)).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// Uploads people to the job at a path; the status of the answer.
    pub(crate) async fn upload(&self, job: &str, body: &Json) -> StatusCode {
        let url = format!("{}/beta/{job}/bulkUpload", self.address());
        let request = self.http.post(url).bearer_auth(self.token().await).body(body.to_string());
        request.header("content-type", "application/scim+json").send().await.unwrap().status()
    }

    /// Sets the clock forward. Tokens are of the past then.
    pub(crate) async fn advance(&self, seconds: i64) {
        let url = format!("{}/development/clock", self.address());
        let answer = self.http.post(url).json(&json!({ "seconds": seconds })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        *self.token.lock().unwrap() = None;
    }

    /// Sets the clock forward until a moment is over.
    pub(crate) async fn advance_to(&self, moment: Timestamp) {
        let url = format!("{}/development/clock", self.address());
        let shown: Json = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let left = moment.duration_since(instant(&shown["now"])).as_secs() + 1;
        self.advance(left.max(0)).await;
    }

    /// Makes a user; its id.
    pub(crate) async fn user(&self, name: &str) -> String {
        let user = json!({
            "accountEnabled": true, "displayName": format!("Name of {name}"), "mailNickname": name,
            "userPrincipalName": format!("{name}@entente.example"),
            "passwordProfile": { "password": "Xw1!kq-90-Zrt" },
        });
        self.send(Method::POST, "users", user).await["id"].as_str().unwrap().to_owned()
    }

    /// A job that provisions everybody into a target, disabled.
    pub(crate) async fn job(&self, target: &Target, settings: &[(&str, &str)]) -> Job<'_> {
        let path = format!("applicationTemplates/{CUSTOM}/instantiate");
        let made = self.send(Method::POST, &path, json!({ "displayName": "Target" })).await;
        let principal = made["servicePrincipal"]["id"].as_str().unwrap().to_owned();
        let root = format!("servicePrincipals/{principal}/synchronization");
        let mut job = Job { world: self, principal, id: String::new() };
        job.put_secrets(target, &[]).await;
        let made = self.send(Method::POST, &format!("{root}/jobs"), json!({ "templateId": "scim" })).await;
        made["id"].as_str().unwrap().clone_into(&mut job.id);
        job.set(settings).await;
        job
    }
}

impl Job<'_> {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("servicePrincipals/{}/synchronization/jobs/{}{rest}", self.principal, self.id)
    }

    pub(crate) async fn put_secrets(&self, target: &Target, more: &[(&str, &str)]) {
        let own = [("BaseAddress", target.base.as_str()), ("SecretToken", "token"), ("SyncAll", "true")];
        let own = own.iter().filter(|(key, _)| !more.iter().any(|(other, _)| other == key));
        let pairs: Vec<Json> =
            own.chain(more).map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let path = format!("servicePrincipals/{}/synchronization/secrets", self.principal);
        self.world.send(Method::PUT, &path, json!({ "value": pairs })).await;
    }

    /// Replaces the settings. Where the test does not say otherwise, nothing happens by itself for a long while.
    pub(crate) async fn set(&self, settings: &[(&str, &str)]) {
        let own = [
            ("TriggerOnChange", "false"),
            ("Interval", "P365D"),
            ("DriftInterval", "P365D"),
            ("TargetVerification", "Trust"),
        ];
        let own = own.iter().filter(|(name, _)| !settings.iter().any(|(other, _)| other == name));
        let pairs: Vec<Json> =
            own.chain(settings).map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let body = json!({ "synchronizationJobSettings": pairs });
        self.world.send(Method::PATCH, &self.path(""), body).await;
    }

    pub(crate) async fn order(&self, action: &str) {
        self.world.send(Method::POST, &self.path(action), json!({})).await;
    }

    pub(crate) async fn restart(&self, scope: &str) {
        let body = json!({ "criteria": { "resetScope": scope } });
        self.world.send(Method::POST, &self.path("/restart"), body).await;
    }

    pub(crate) async fn get(&self) -> Json {
        self.world.get(&self.path("")).await
    }

    pub(crate) async fn status(&self) -> Json {
        self.get().await["status"].clone()
    }

    /// The first state of the job that satisfies a condition.
    pub(crate) async fn wait(&self, what: &str, holds: impl Fn(&Json) -> bool) -> Json {
        let began = Instant::now();
        loop {
            let job = self.get().await;
            if holds(&job) {
                return job;
            }
            assert!(began.elapsed() < PATIENCE, "{what} did not come true: {job:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts the job, or runs a cycle of it, and waits until one has ended that began afterwards.
    pub(crate) async fn cycle(&self) -> Json {
        let before = self.get().await;
        let started = before["schedule"]["state"] == "Active";
        self.order(if started { "/run" } else { "/start" }).await;
        self.ended(&before).await
    }

    /// Waits for the end of a cycle that had not ended when the job was as `before`.
    pub(crate) async fn ended(&self, before: &Json) -> Json {
        let known = &before["status"];
        self.wait("the end of a cycle", |job| {
            let status = &job["status"];
            let imposed = &status["quarantine"]["currentBegan"];
            let over = status["steadyStateLastAchievedTime"] != known["steadyStateLastAchievedTime"]
                || status["lastExecution"] != known["lastExecution"]
                || !imposed.is_null() && *imposed != known["quarantine"]["currentBegan"];
            over && status["progress"].as_array().is_some_and(Vec::is_empty)
        })
        .await
    }

    /// The records of the provisioning log with an outcome, oldest first.
    pub(crate) async fn log(&self, outcome: &str) -> Vec<Json> {
        let filter = format!("jobId eq '{}' and provisioningStatusInfo/status eq '{outcome}'", self.id);
        let filter = filter.replace(' ', "%20").replace('\'', "%27");
        let page = self.world.get(&format!("auditLogs/provisioning?$filter={filter}&$top=500")).await;
        let mut records = page["value"].as_array().unwrap().clone();
        records.reverse();
        records
    }

    /// What was done to the job, newest first: activity and actor.
    pub(crate) async fn audits(&self) -> Vec<Json> {
        let page = self.world.get("auditLogs/directoryAudits?$top=200").await;
        let all = page["value"].as_array().unwrap().iter();
        all.filter(|one| one["targetResources"][0]["id"] == json!(self.id)).cloned().collect()
    }

    /// Whether something happened to the job by itself.
    pub(crate) async fn audited(&self, activity: &str) -> bool {
        let service = |one: &Json| one["initiatedBy"]["app"]["displayName"] == "Entente";
        self.audits().await.iter().any(|one| one["activityDisplayName"] == activity && service(one))
    }
}

/// A moment of an answer.
pub(crate) fn instant(value: &Json) -> Timestamp {
    value.as_str().unwrap_or_default().parse().unwrap_or_else(|_| panic!("{value} is no moment"))
}
