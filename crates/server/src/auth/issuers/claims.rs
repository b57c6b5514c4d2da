//! What a token of an outside issuer says (RFC 7519, section 4.1).

use model::{SignedDuration, TenantId, Timestamp};
use serde_json::{Map, Value as Json};

use super::TenantOf;
use crate::auth::moment;

/// Clocks of issuers differ by this at most.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// The longest name of a client, in characters.
const LONGEST_NAME: usize = 256;
/// How many values of a claim are looked at.
const MOST_VALUES: usize = 1000;
/// The claims that may name the client, the best first: Entra's two, that of RFC 9068, and the subject.
const CLIENT_CLAIMS: [&str; 4] = ["azp", "appid", "client_id", "sub"];

/// The claims of a token whose signature holds.
pub(super) struct Claims(pub(super) Map<String, Json>);

impl Claims {
    /// Until when the token holds, if it is for this service and holds now; else why not.
    pub(super) fn check(&self, audiences: &[String], now: Timestamp) -> Result<Timestamp, &'static str> {
        let is_ours = |aud: &Json| aud.as_str().is_some_and(|aud| audiences.iter().any(|one| one == aud));
        let ours = match self.0.get("aud") {
            Some(Json::Array(several)) => several.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        if !ours {
            return Err("Invalid audience.");
        }
        let expiry = self.time("exp")?.and_then(|end| end.saturating_add(LEEWAY).ok());
        let expiry = expiry.ok_or("It does not say when it expires.")?;
        if now >= expiry {
            return Err("The token is expired. Get a new one from its issuer.");
        }
        let latest = now.saturating_add(LEEWAY).unwrap_or(now);
        for name in ["nbf", "iat"] {
            if self.time(name)?.is_some_and(|begin| begin > latest) {
                return Err("The token is not yet valid.");
            }
        }
        Ok(expiry)
    }

    /// A moment, where the claim is there.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, &'static str> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_f64().and_then(moment).map(Some).ok_or("A time in it is no number of seconds since 1970.")
    }

    /// The tenant that the token speaks for.
    pub(super) fn tenant(&self, tenant: &TenantOf) -> Option<TenantId> {
        match tenant {
            TenantOf::Fixed(id) => Some(*id),
            TenantOf::Claim(name) => self.text(name)?.parse().ok().map(TenantId),
        }
    }

    /// The client, by this claim or the first that is usual.
    pub(super) fn client(&self, claim: Option<&str>) -> Option<&str> {
        match claim {
            Some(name) => self.text(name),
            None => CLIENT_CLAIMS.iter().find_map(|name| self.text(name)),
        }
    }

    /// Who calls, for records: issuer, client, and the subject where it is another. No application of a tenant has such
    /// an id.
    pub(super) fn name(&self, issuer: &str, client: &str) -> String {
        match self.text("sub").filter(|subject| *subject != client) {
            Some(subject) => format!("{issuer}|{client}|{subject}"),
            None => format!("{issuer}|{client}"),
        }
    }

    /// The texts in a claim: the elements of a list, or the words of a text.
    pub(super) fn values(&self, claim: &str) -> Vec<&str> {
        match self.find(claim) {
            Some(Json::Array(several)) => several.iter().take(MOST_VALUES).filter_map(Json::as_str).collect(),
            Some(Json::String(words)) => words.split_whitespace().take(MOST_VALUES).collect(),
            _ => Vec::new(),
        }
    }

    /// A claim that is a name: some characters, none of them a control character.
    fn text(&self, claim: &str) -> Option<&str> {
        let text = self.find(claim)?.as_str()?;
        let usual =
            !text.is_empty() && text.chars().count() <= LONGEST_NAME && !text.contains(char::is_control);
        usual.then_some(text)
    }

    /// A claim by its name, or by a JSON Pointer.
    fn find(&self, claim: &str) -> Option<&Json> {
        let Some(pointer) = claim.strip_prefix('/') else { return self.0.get(claim) };
        let (first, rest) =
            pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest)));
        let found = self.0.get(&first.replace("~1", "/").replace("~0", "~"))?;
        match rest {
            Some(rest) => found.pointer(&format!("/{rest}")),
            None => Some(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Uuid;
    use serde_json::json;

    use super::*;

    fn claims(json: &Json) -> Claims {
        Claims(json.as_object().unwrap().clone())
    }

    #[test]
    fn a_token_is_for_its_audience_and_its_time() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let audiences = ["api://entente".to_owned(), "other".to_owned()];
        let check = |json: &Json| claims(json).check(&audiences, now).map(Timestamp::as_second);
        for (json, outcome) in [
            (json!({"aud": "api://entente", "exp": 1_000_000}), Ok(1_000_060)),
            (json!({"aud": ["x", "other"], "exp": 1_000_100.5, "nbf": 1_000_060, "iat": 0}), Ok(1_000_160)),
            (json!({"aud": "API://entente", "exp": 1_000_100}), Err("Invalid audience.")),
            (json!({"exp": 1_000_100}), Err("Invalid audience.")),
            (json!({"aud": [], "exp": 1_000_100}), Err("Invalid audience.")),
            (json!({"aud": "other"}), Err("It does not say when it expires.")),
            (
                json!({"aud": "other", "exp": "1000100"}),
                Err("A time in it is no number of seconds since 1970."),
            ),
            (json!({"aud": "other", "exp": 1e300}), Err("A time in it is no number of seconds since 1970.")),
            (
                json!({"aud": "other", "exp": 999_940}),
                Err("The token is expired. Get a new one from its issuer."),
            ),
            (json!({"aud": "other", "exp": 1_000_100, "nbf": 1_000_061}), Err("The token is not yet valid.")),
            (json!({"aud": "other", "exp": 1_000_100, "iat": 1_000_061}), Err("The token is not yet valid.")),
        ] {
            assert_eq!(check(&json), outcome, "{json}");
        }
    }

    #[test]
    fn claims_are_found_by_name_and_by_pointer() {
        let token = claims(&json!({
            "roles": ["a", 7, "b"], "scp": " c  d ", "https://x.example/roles": ["e"],
            "realm_access": {"roles": ["f"], "a/b": "g"}, "n": 1,
        }));
        for (claim, values) in [
            ("roles", vec!["a", "b"]),
            ("scp", vec!["c", "d"]),
            ("https://x.example/roles", vec!["e"]),
            ("/realm_access/roles", vec!["f"]),
            ("/realm_access/a~1b", vec!["g"]),
            ("/roles/0", vec!["a"]),
            ("realm_access", vec![]),
            ("n", vec![]),
            ("absent", vec![]),
            ("/", vec![]),
        ] {
            assert_eq!(token.values(claim), values, "{claim}");
        }
    }

    #[test]
    fn a_client_is_told_apart_from_those_of_the_tenant_and_of_other_issuers() {
        let id = Uuid::from_u128(7).to_string();
        let app = claims(&json!({"azp": id, "appid": "x", "sub": id, "tid": id}));
        assert_eq!(app.client(None), Some(id.as_str()));
        assert_eq!(app.name("https://i", &id), format!("https://i|{id}"));
        assert_eq!(app.tenant(&TenantOf::Claim("tid".to_owned())), Some(TenantId(Uuid::from_u128(7))));
        let person = claims(&json!({"azp": "", "client_id": "shop", "sub": "ada", "tid": "contoso"}));
        assert_eq!(person.client(None), Some("shop"));
        assert_eq!(person.client(Some("tid")), Some("contoso"));
        assert_eq!(person.name("https://i", "shop"), "https://i|shop|ada");
        assert_eq!(person.tenant(&TenantOf::Claim("tid".to_owned())), None);
        assert_eq!(claims(&json!({"sub": "a\nb", "azp": 7})).client(None), None);
    }
}
