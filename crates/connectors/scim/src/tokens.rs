//! Bearer tokens from a token endpoint (RFC 6749): fetched before the first request, renewed before they end and where
//! the service refuses them, once for all requests that wait. What the endpoint replaces is kept before it is used.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use connector::{ConnectorError, ErrorClass, Result, SecretChanges, SecretKeeper};
use model::{FailureCode, ServicePrincipalId, SignedDuration, TenantId, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::configuration::{Grant, OauthClient};
use crate::endpoint::{Issued, MARGIN, issue};
use crate::signature::Signature;
use crate::wire::Wire;

/// How long a refusal of the token endpoint holds for further requests.
const REFUSED: SignedDuration = SignedDuration::from_secs(10);
/// How many states of the secrets are known to be of the same tokens. One comes with every refresh token that is
/// replaced; older ones are in nobody's hands any more.
const STATES: usize = 16;

/// Whose secrets a client's are.
pub(crate) type Owner = (TenantId, ServicePrincipalId);

/// What the secrets of a client hold at a moment: a grant, and the token that was acquired by it.
type State = (Grant, Option<String>);

/// A client's tokens.
pub(crate) struct Tokens {
    owner: Owner,
    client: OauthClient,
    wire: Wire,
    keeper: Option<Arc<dyn SecretKeeper>>,
    kept: Arc<AsyncMutex<Kept>>,
    states: Mutex<VecDeque<State>>,
    /// Requests to the token endpoint that came to an end.
    finished: AtomicU64,
}

struct Kept {
    /// A refresh token may come anew with every token.
    grant: Grant,
    token: Option<Token>,
    /// How and when the last request to the token endpoint failed.
    failed: Option<(ConnectorError, Timestamp)>,
    /// What is still to be written to the secrets.
    unsaved: Option<Unsaved>,
}

struct Token {
    signature: Arc<Signature>,
    renew_at: Option<Timestamp>,
}

struct Unsaved {
    /// Key and value that the secrets hold until then.
    used: (&'static str, String),
    changes: SecretChanges,
}

impl Tokens {
    pub(crate) fn new(
        owner: Owner,
        client: OauthClient,
        wire: Wire,
        keeper: Option<Arc<dyn SecretKeeper>>,
    ) -> Result<Self> {
        let token = match &client.acquired {
            Some((text, expires)) => {
                let renew_at = expires.map(|end| end.checked_sub(MARGIN).unwrap_or(end));
                Some(Token { signature: Arc::new(Signature::bearer(text)?), renew_at })
            }
            None => None,
        };
        let grant = client.grant.clone();
        let kept = Arc::new(AsyncMutex::new(Kept { grant, token, failed: None, unsaved: None }));
        let states = Mutex::new([state(&client)].into());
        Ok(Self { owner, client, wire, keeper, kept, states, finished: AtomicU64::new(0) })
    }

    /// True where these are the tokens of a client whose secrets are as they were when the tokens were made, or as they
    /// became by what the endpoint replaced since.
    pub(crate) fn are_of(&self, owner: Owner, client: &OauthClient) -> bool {
        let own = &self.client;
        let same = (&own.token_endpoint, &own.id, &own.secret, &own.scope)
            == (&client.token_endpoint, &client.id, &client.secret, &client.scope);
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        self.owner == owner && same && states.contains(&state(client))
    }

    /// The token to send; a new one where there is none or its end is near.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<Signature>> {
        self.unless(|token, now| token.renew_at.is_none_or(|moment| now < moment)).await
    }

    /// Another token than the one that the service refused.
    pub(crate) async fn after_refusal(self: &Arc<Self>, refused: &Arc<Signature>) -> Result<Arc<Signature>> {
        self.unless(|token, _| token.signature.header != refused.header).await
    }

    /// A new token, whatever there is. The caller saves what is returned.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<SecretChanges> {
        let kept = self.kept.clone().lock_owned().await;
        let (_, changes) = self.renew(kept, Saving::ByCaller).await?;
        Ok(changes)
    }

    /// The token that is kept if it will do, else a new one. Who waits meanwhile shares what comes of it.
    async fn unless(self: &Arc<Self>, will_do: impl Fn(&Token, Timestamp) -> bool) -> Result<Arc<Signature>> {
        let finished = self.finished.load(Ordering::Acquire);
        let mut kept = self.kept.clone().lock_owned().await;
        self.save(&mut kept).await;
        if let Some(token) = kept.token.as_ref().filter(|token| will_do(token, self.wire.clock.now())) {
            return Ok(token.signature.clone());
        }
        let shared = self.finished.load(Ordering::Acquire) != finished;
        if let Some((error, at)) = &kept.failed
            && (shared || is_still_refused(error, *at, self.wire.clock.now()))
        {
            return Err(error.clone());
        }
        let (signature, _) = self.renew(kept, Saving::ByKeeper).await?;
        Ok(signature)
    }

    /// Gets a token, to the end also where whoever asked for it goes away: what the endpoint gives it may give only once.
    async fn renew(
        self: &Arc<Self>,
        mut kept: OwnedMutexGuard<Kept>,
        saving: Saving,
    ) -> Result<(Arc<Signature>, SecretChanges)> {
        let tokens = self.clone();
        let work = tokio::spawn(async move {
            let issued = issue(&tokens.wire, &tokens.client, &kept.grant).await;
            tokens.finished.fetch_add(1, Ordering::AcqRel);
            match issued {
                Ok(issued) => tokens.take(&mut kept, issued, saving).await,
                Err(error) => {
                    kept.token = None;
                    kept.failed = Some((error.clone(), tokens.wire.clock.now()));
                    Err(error)
                }
            }
        });
        work.await.unwrap_or_else(|_| {
            let detail = "the request for a token was broken off";
            Err(ConnectorError::new(ErrorClass::Retry { after: None }, detail)
                .code(FailureCode::InternalError))
        })
    }

    /// Takes over what the endpoint gave.
    async fn take(
        &self,
        kept: &mut Kept,
        issued: Issued,
        saving: Saving,
    ) -> Result<(Arc<Signature>, SecretChanges)> {
        let signature = Arc::new(Signature::bearer(&issued.access_token)?);
        kept.token = Some(Token { signature: signature.clone(), renew_at: issued.renew_at() });
        kept.failed = None;
        let changes = issued.changes();
        let used = kept.grant.clone();
        if let Some(token) = issued.refresh_token {
            kept.grant = Grant::RefreshToken(token);
        }
        match (saving, used_up(&used, &kept.grant)) {
            (Saving::ByCaller, _) => kept.unsaved = None,
            (Saving::ByKeeper, None) => return Ok((signature, changes)),
            (Saving::ByKeeper, Some(used)) => {
                // Where the last attempt to write failed, the secrets still hold what they held then.
                let used = kept.unsaved.take().map_or(used, |unsaved| unsaved.used);
                kept.unsaved = Some(Unsaved { used, changes: changes.clone() });
            }
        }
        self.remember((kept.grant.clone(), Some(issued.access_token)));
        self.save(kept).await;
        Ok((signature, changes))
    }

    fn remember(&self, state: State) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.push_back(state);
        if states.len() > STATES {
            states.pop_front();
        }
    }

    /// Writes what the endpoint replaced to the secrets. Where that fails, the next request for a token tries again.
    async fn save(&self, kept: &mut Kept) {
        let (Some(unsaved), Some(keeper)) = (&kept.unsaved, &self.keeper) else { return };
        let (tenant, service_principal) = self.owner;
        let (key, value) = &unsaved.used;
        match keeper.keep(tenant, service_principal, (*key, value.as_str()), &unsaved.changes).await {
            Ok(saved) => {
                tracing::debug!(%tenant, %service_principal, saved, "the token endpoint replaced a secret");
                kept.unsaved = None;
            }
            Err(error) => {
                tracing::warn!(%tenant, %service_principal, %error, "what the token endpoint replaced is not kept yet");
            }
        }
    }
}

/// Who writes to the secrets what the endpoint replaced.
#[derive(Clone, Copy)]
enum Saving {
    ByCaller,
    ByKeeper,
}

/// The secret that is good for nothing once a token was given for it; none where it can be used again.
fn used_up(used: &Grant, next: &Grant) -> Option<(&'static str, String)> {
    match used {
        Grant::AuthorizationCode { code, .. } => Some(("Oauth2AuthorizationCode", code.clone())),
        Grant::RefreshToken(token) if used != next => Some(("Oauth2RefreshToken", token.clone())),
        Grant::RefreshToken(_) | Grant::ClientCredentials => None,
    }
}

fn state(client: &OauthClient) -> State {
    (client.grant.clone(), client.acquired.as_ref().map(|(token, _)| token.clone()))
}

/// What was refused a moment ago is not asked for again: who corrects the secrets is another client.
fn is_still_refused(error: &ConnectorError, at: Timestamp, now: Timestamp) -> bool {
    error.class == ErrorClass::Unauthorized && now < at.checked_add(REFUSED).unwrap_or(at)
}
