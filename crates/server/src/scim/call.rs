//! One request at its handler.

use std::str::FromStr;
use std::sync::Arc;

use directory::TenantDirectory;
use http::Method;
use model::Uuid;
use percent_encoding::percent_decode_str;
use scim::etag;
use scim::selection::Selection;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Scim;
use super::failure::{Failure, Result};
use super::kind::Kind;
use crate::Service;
use crate::auth::Caller;

/// A request of a caller who may use the service.
pub(super) struct Call {
    pub(super) scim: Arc<Scim>,
    pub(super) caller: Caller,
    pub(super) method: Method,
    /// The path's segments below the base address, decoded.
    pub(super) segments: Vec<String>,
    pub(super) query: Query,
    /// `If-Match` and `If-None-Match`.
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    /// The body; null where there is none.
    pub(super) body: Json,
    /// The base address as the client knows it, such as `https://host/scim/v2`.
    pub(super) base: String,
}

impl Call {
    pub(super) fn service(&self) -> &Service {
        self.scim.service()
    }

    /// The directory of the caller's tenant.
    pub(super) fn directory(&self) -> TenantDirectory {
        self.service().directory.of(self.caller.tenant)
    }

    /// Writes the audit record of a change of an object.
    pub(super) async fn audit(
        &self,
        activity: &str,
        target: Uuid,
        old: Option<Json>,
        new: Option<Json>,
    ) -> Result<()> {
        Ok(self.service().audit(&self.caller, activity, target.to_string(), (old, new), true).await?)
    }

    /// The body as its type.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.body).map_err(|error| {
            Failure::invalid_syntax(format!("The body is not what is expected here: {error}."))
        })
    }

    /// The attributes that the answer shall have.
    pub(super) fn selection(&self) -> Result<Selection> {
        Ok(Selection::parse(self.query.get("attributes"), self.query.get("excludedAttributes"))?)
    }

    /// Refuses a resource that `If-Match` does not name by one of its tags.
    pub(super) fn check_if_match(&self, tags: &[String]) -> Result<()> {
        match &self.if_match {
            Some(header) if !tags.iter().any(|tag| etag::is_met(header, tag)) => {
                Err(Failure::precondition_failed())
            }
            _ => Ok(()),
        }
    }

    /// True where the client has this version already.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.if_none_match.as_ref().is_some_and(|header| etag::is_met(header, tag))
    }

    /// The address of a resource.
    pub(super) fn location(&self, kind: Kind, id: impl std::fmt::Display) -> String {
        format!("{}/{}/{id}", self.base, kind.endpoint())
    }
}

/// The parameters of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self(pairs.collect::<Result<_>>()?))
    }

    /// The value of a parameter; none where it is absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.present(name).filter(|value| !value.trim().is_empty())
    }

    /// The value of a parameter, which may be empty.
    pub(super) fn present(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter as a number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text
            .trim()
            .parse()
            .map_err(|_| Failure::invalid_value(format!("{name} is '{text}', but must be a whole number")));
        number.map(Some)
    }
}

/// Form encoding: percent-encoded, with `+` for a space.
fn decode(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| {
        Failure::new(400, format!("The query has '{text}', which is not UTF-8 when it is decoded."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("filter=a+eq%20%22b%2Bc%22&StartIndex=2&cursor&count=x&count=3").unwrap();
        assert_eq!(query.get("filter"), Some("a eq \"b+c\""));
        assert_eq!(query.number("startIndex"), Ok(Some(2)));
        assert_eq!(
            (query.get("cursor"), query.present("cursor"), query.get("other")),
            (None, Some(""), None)
        );
        assert!(query.number::<i64>("count").unwrap_err().error.detail.contains("count is 'x'"));
        assert_eq!(Query::parse("a=%ff").unwrap_err().error.status, 400);
    }
}
