//! A client of the Graph API, as anybody could write one: over HTTP, with a client's credentials.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

/// Requests that one batch carries.
pub(crate) const BATCH: usize = 20;
/// Batches in flight.
const AT_ONCE: usize = 4;
/// Tokens hold for an hour; a new one is asked for in good time.
const FRESH: Duration = Duration::from_mins(45);
/// How often a request of a batch is sent where the service cannot be reached or is busy.
const ATTEMPTS: u32 = 6;
/// The pause before the second time; each one after is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// Characters of an unexpected answer that are shown.
const SHOWN: usize = 300;

/// A client of one tenant.
pub(crate) struct Graph {
    http: reqwest::Client,
    /// The service's address.
    pub(crate) address: String,
    /// The tenant's id.
    pub(crate) tenant: String,
    /// The client's application id.
    pub(crate) client: String,
    /// Its secret.
    pub(crate) secret: String,
    token: Mutex<Option<(String, Instant)>>,
}

/// One request of a batch.
pub(crate) struct Wanted {
    /// The method.
    pub(crate) method: Method,
    /// The path below the version.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Json,
}

/// The answer to one request of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body, null where there is none.
    pub(crate) body: Json,
}

impl Answer {
    /// True where another object has a value that must be unique.
    pub(crate) fn is_conflict(&self) -> bool {
        let details = self.body.pointer("/error/details").and_then(Json::as_array);
        let conflict = |detail: &Json| detail.get("code").and_then(Json::as_str) == Some("ObjectConflict");
        self.status == 400 && details.is_some_and(|details| details.iter().any(conflict))
    }

    /// What a refusal says.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.status, words(&self.body.to_string()))
    }

    fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 502..=504)
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl Graph {
    /// A client that has not signed in yet.
    pub(crate) fn new(address: &str, tenant: String, client: String, secret: String) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { http, address: address.to_owned(), tenant, client, secret, token: Mutex::new(None) })
    }

    /// An access token, by the client's secret.
    pub(crate) async fn token(&self) -> Result<String> {
        if let Some((token, since)) = &*self.token.lock().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < FRESH
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client.as_str()),
            ("client_secret", self.secret.as_str()),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let address = format!("{}/{}/oauth2/v2.0/token", self.address, self.tenant);
        let asked = || format!("cannot sign in at {}: is the service running there", self.address);
        let answer = self.http.post(&address).form(&form).send().await.with_context(asked)?;
        let token: Token = read(answer).await.context("signing in")?;
        let held = (token.access_token.clone(), Instant::now());
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(token.access_token)
    }

    /// The address of a path below `/beta`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/beta{path}", self.address)
    }

    /// Reads a resource.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.get_at(&self.url(path)).await.with_context(|| format!("GET {path}"))
    }

    async fn get_at<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(self.http.get(url).bearer_auth(self.token().await?).send().await?).await
    }

    /// Reads a whole collection, page by page.
    pub(crate) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let mut next = Some(self.url(path));
        let mut found = Vec::new();
        while let Some(url) = next {
            let page: Page<T> = self.get_at(&url).await.with_context(|| format!("GET {path}"))?;
            found.extend(page.value);
            next = page.next;
        }
        Ok(found)
    }

    /// Sends a body, and returns the answer's, null where it has none.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Json) -> Result<Json> {
        let request = self.http.request(method.clone(), self.url(path)).bearer_auth(self.token().await?);
        let answer = request.json(body).send().await?;
        read(answer).await.with_context(|| format!("{method} {path}"))
    }

    /// Makes something, and returns it.
    pub(crate) async fn post(&self, path: &str, body: &Json) -> Result<Json> {
        self.send(Method::POST, path, body).await
    }

    /// Sends many requests by `$batch`, and returns the bodies of the answers in their order. `done` is told how many
    /// were answered, each time that some were.
    pub(crate) async fn batch(&self, wanted: Vec<Wanted>, done: impl Fn(usize)) -> Result<Vec<Json>> {
        let mut parts = Vec::new();
        let mut wanted = wanted.into_iter().peekable();
        while wanted.peek().is_some() {
            parts.push(wanted.by_ref().take(BATCH).collect::<Vec<_>>());
        }
        let answers = stream::iter(parts)
            .map(|part| self.batch_of(part))
            .buffered(AT_ONCE)
            .inspect_ok(|answered| done(answered.len()))
            .try_collect::<Vec<_>>()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn batch_of(&self, part: Vec<Wanted>) -> Result<Vec<Json>> {
        let answers = self.answers(part).await?;
        if let Some(refused) = answers.iter().find(|answer| !(200..300).contains(&answer.status)) {
            bail!("a request of a batch was answered with {}", refused.words());
        }
        Ok(answers.into_iter().map(|answer| answer.body).collect())
    }

    /// Sends the requests of one batch, twenty at most, and returns the answers in their order. Requests are sent again
    /// where the service cannot be reached or says that it is busy, so they must be such as may be repeated.
    pub(crate) async fn answers(&self, wanted: Vec<Wanted>) -> Result<Vec<Answer>> {
        let mut answers: Vec<Option<Answer>> = vec![None; wanted.len()];
        for attempt in 1..=ATTEMPTS {
            let open: Vec<(usize, &Wanted)> = wanted
                .iter()
                .enumerate()
                .filter(|(place, _)| matches!(answers.get(*place), Some(None)))
                .collect();
            if open.is_empty() {
                break;
            }
            let is_last = attempt == ATTEMPTS;
            match self.send_batch(&open).await {
                Ok(found) => {
                    for (place, answer) in found {
                        if let Some(slot) = answers.get_mut(place)
                            && (is_last || !answer.is_temporary())
                        {
                            *slot = Some(answer);
                        }
                    }
                }
                Err(error) if is_last || !is_unreachable(&error) => return Err(error),
                Err(error) => tracing::debug!(%error, "a batch is sent again"),
            }
            if answers.iter().any(Option::is_none) && !is_last {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            }
        }
        answers.into_iter().collect::<Option<_>>().ok_or_else(|| anyhow!("a batch was not answered whole"))
    }

    async fn send_batch(&self, wanted: &[(usize, &Wanted)]) -> Result<Vec<(usize, Answer)>> {
        let request = |(place, wanted): &(usize, &Wanted)| {
            let mut request = json!({
                "id": place.to_string(), "method": wanted.method.as_str(), "url": wanted.path,
            });
            if let Json::Object(members) = &mut request
                && !wanted.body.is_null()
            {
                members.insert("headers".to_owned(), json!({"Content-Type": "application/json"}));
                members.insert("body".to_owned(), wanted.body.clone());
            }
            request
        };
        let requests: Vec<Json> = wanted.iter().map(request).collect();
        let mut answer = self.post("/$batch", &json!({ "requests": requests })).await?;
        let responses = answer.get_mut("responses").and_then(Json::as_array_mut).map(std::mem::take);
        let read = |mut response: Json| {
            let place = response.get("id").and_then(Json::as_str)?.parse().ok()?;
            let status =
                response.get("status").and_then(Json::as_u64).and_then(|status| status.try_into().ok());
            let body = response.get_mut("body").map(Json::take).unwrap_or_default();
            Some((place, Answer { status: status.unwrap_or(0), body }))
        };
        Ok(responses.unwrap_or_default().into_iter().filter_map(read).collect())
    }
}

/// The body of an answer, or its error in words.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("the answer was {status}: {}", words(&text));
    }
    let text = if text.is_empty() { "null" } else { &text };
    serde_json::from_str(text)
        .with_context(|| format!("the answer is not what was expected: {}", words(text)))
}

/// True where no answer came at all.
fn is_unreachable(error: &anyhow::Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<reqwest::Error>)
}

/// What an answer says, shortened; of the Graph API's errors, code and message.
fn words(text: &str) -> String {
    let body: Json = serde_json::from_str(text).unwrap_or_default();
    let error = body.get("error");
    let part = |name: &str| error.and_then(|error| error.get(name)).and_then(Json::as_str);
    match (part("code"), part("message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => text.chars().take(SHOWN).collect(),
    }
}

/// The identifier of a resource.
pub(crate) fn id_of(resource: &Json) -> Result<String> {
    let id = resource.get("id").and_then(Json::as_str);
    id.map(str::to_owned).ok_or_else(|| anyhow!("an answer has no id: {}", words(&resource.to_string())))
}
